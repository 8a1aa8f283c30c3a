//! Claims about product texts.

use super::world::{
    account, answer, ask, begin, commit, day, decimal, finish, hour, page, partition, run, ten, usage,
};
use crate::Store;
use crate::texts::{Coverage, OwnTextChange, OwnWords, ProductText};

fn text(key: &str, name: &str) -> ProductText {
    ProductText {
        key: key.into(),
        locale: "nl-NL".into(),
        requested: "nl-NL".into(),
        name: name.into(),
        category: "Opslag".into(),
        subcategory: String::new(),
        unit: "1 GB".into(),
        region: String::new(),
        currency: "EUR".into(),
        rates: vec![(decimal("0"), decimal("0.10")), (decimal("100"), decimal("0.08"))],
        included_quantity: Some(decimal("5")),
    }
}

async fn localise(store: &dyn Store, account: purser_domain::AccountId, hours: i64, texts: Vec<ProductText>) {
    let fence = begin(store, account, hour(hours)).await;
    let requests = ask(store, fence, &[&partition("NL")]).await;
    let mut answered = page(0, Vec::new());
    answered.texts = texts;
    answer(store, fence, requests[0], vec![answered]).await;
    commit(store, fence, &partition("NL"), hour(hours)).await;
    finish(store, fence).await;
}

pub async fn texts_are_replaced_with_their_partition(store: &dyn Store) {
    let account = account(store, "contoso").await;
    localise(store, account, 0, vec![text("METER-1", "Schijf"), text("meter-2", "Netwerk")]).await;
    localise(store, account, 24, vec![text("Meter-1", "Opslagschijf")]).await;
    let keys = ["METER-1".to_owned(), "meter-2".to_owned()];
    let found = store.texts(account, &keys, &["nl-NL".into(), "en-US".into()]).await.unwrap();
    assert_eq!(found, [text("meter-1", "Opslagschijf")]);
    assert_eq!(store.texts(account, &keys, &["en-US".into()]).await.unwrap(), []);
    // A vendor that suddenly names nothing does not take the names away.
    localise(store, account, 48, Vec::new()).await;
    assert_eq!(store.texts(account, &keys, &["nl-NL".into()]).await.unwrap().len(), 1);
}

pub async fn coverage_counts_the_products_that_purchases_name(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let mut other = usage("s", "contoso", day(20), "1");
    other.description.product_key = "meter-9".into();
    run(store, account, hour(0), &partition("p"), vec![usage("r", "contoso", day(20), "1"), other]).await;
    localise(store, account, 1, vec![text("METER-1", "Schijf"), text("meter-2", "Netwerk")]).await;
    let dutch = Coverage { requested: "nl-NL".into(), answered: "nl-NL".into(), wanted: 2, known: 1 };
    assert_eq!(store.coverage(account).await.unwrap(), [dutch]);
}

pub async fn own_words_are_kept_with_their_history(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let change = |locale: &str, name: Option<&str>| OwnTextChange {
        key: "Meter-1".into(),
        locale: locale.into(),
        words: name.map(|name| OwnWords { name: name.into(), category: String::new(), unit: "GB".into() }),
    };
    for (at, change) in [change("nl-NL", Some("A")), change("nl-NL", Some("B")), change("de-DE", Some("C"))]
        .iter()
        .enumerate()
    {
        store.change_own_text(account, change, "anna", hour(at as i64)).await.unwrap();
    }
    let names = async || {
        let own = store.own_texts(account).await.unwrap().into_iter();
        own.map(|own| (own.change.locale, own.change.words.unwrap().name)).collect::<Vec<_>>()
    };
    assert_eq!(names().await, [("de-DE".into(), "C".into()), ("nl-NL".into(), "B".into())]);
    store.change_own_text(account, &change("nl-NL", None), "olaf", hour(9)).await.unwrap();
    assert_eq!(names().await, [("de-DE".into(), "C".into())]);
    let history = store.own_text_history(account, "METER-1").await.unwrap();
    assert_eq!((history.len(), history[0].by.as_str(), history[0].change.words.clone()), (4, "olaf", None));
    let other = super::world::account(store, "fabrikam").await;
    assert_eq!(store.own_texts(other).await.unwrap(), []);
}

pub async fn products_without_a_text_are_told_by_language(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let missing = async |locale: &str| {
        let missing = store.missing_texts(account, locale).await.unwrap().into_iter();
        missing.map(|it| (it.key, it.product_text, it.purchases)).collect::<Vec<_>>()
    };
    assert_eq!(missing("nl-NL").await, []);
    run(store, account, hour(0), &partition("p"), ten()).await;
    let expected = [("meter-1".to_owned(), "Stored gigabytes".to_owned(), 10)];
    assert_eq!(missing("nl-NL").await, expected);
    let outlook = async |locale: &str| {
        let outlook = store.outlook(account, locale).await.unwrap();
        (outlook.wanted, outlook.missing)
    };
    assert_eq!(outlook("nl-NL").await, (1, 1));
    let words = Some(OwnWords { name: "A".into(), category: String::new(), unit: String::new() });
    let own = OwnTextChange { key: "meter-1".into(), locale: "nl-NL".into(), words };
    store.change_own_text(account, &own, "anna", hour(1)).await.unwrap();
    assert_eq!(missing("nl-nl").await, []);
    assert_eq!((outlook("nl-nl").await, outlook("de-DE").await), ((1, 0), (1, 1)));
    assert_eq!(missing("de-DE").await, expected);
    store.change_own_text(account, &OwnTextChange { words: None, ..own }, "anna", hour(2)).await.unwrap();
    assert_eq!(missing("nl-NL").await, expected);
}
