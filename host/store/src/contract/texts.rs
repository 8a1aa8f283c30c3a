//! Claims about product texts.

use super::world::{
    account, answer, ask, begin, commit, day, decimal, finish, hour, page, partition, run, usage,
};
use crate::Store;
use crate::texts::{Coverage, ProductText};

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
