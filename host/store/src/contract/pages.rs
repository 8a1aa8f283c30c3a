//! Claims about pages: how records are spread over answers and pages changes no Purchase.

use purser_domain::{Contribution, Digest};

use super::world::{
    account, answer, ask, begin, commit, day, finish, hour, page, partition, purchases, run, usage,
};
use crate::Store;

/// Records, some of which say more about the same reference.
fn records() -> Vec<Contribution> {
    (0..24)
        .map(|number| usage(&format!("r{}", number % 9), "contoso", day(20), &format!("{number}.5")))
        .collect()
}

/// A number below `most` that looks random and is the same for ever.
fn draw(seed: u8, at: usize, most: usize) -> usize {
    usize::from(Digest::of(format!("{seed} {at}").as_bytes()).as_bytes()[0]) % most
}

/// The records in another order, for three answers of up to four pages.
fn spread(seed: u8) -> Vec<Vec<Vec<Contribution>>> {
    let mut records: Vec<_> = records().into_iter().enumerate().collect();
    records.sort_by_key(|(at, _)| Digest::of(format!("{seed} order {at}").as_bytes()).as_bytes().to_owned());
    let mut answers = vec![vec![Vec::new(); 4]; 3];
    for (at, record) in records {
        answers[draw(seed, at, 3)][draw(seed, at + 100, 4)].push(record);
    }
    answers.iter_mut().for_each(|pages| pages.retain(|page| !page.is_empty()));
    answers
}

pub async fn conserv_records_spread_over_pages_in_any_way_change_nothing(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), records()).await;
    let before = purchases(store, account).await;
    assert_eq!(before.len(), 9);
    for seed in 1..=12 {
        let at = hour(i64::from(seed) * 24);
        let fence = begin(store, account, at).await;
        let answers = spread(seed);
        let wanted = partition("p");
        let requests = ask(store, fence, &vec![&wanted; answers.len()]).await;
        for (request, pages) in requests.into_iter().zip(answers) {
            let pages = (0..).zip(pages).map(|(number, records)| page(number, records));
            answer(store, fence, request, pages.collect()).await;
        }
        let report = commit(store, fence, &partition("p"), at).await;
        finish(store, fence).await;
        assert_eq!((report.added, report.changed, report.voided), (0, 0, 0), "{seed}");
        let after = purchases(store, account).await;
        let figures = |purchases: &[purser_domain::Purchase]| {
            let row =
                |it: &purser_domain::Purchase| (it.key, it.quantity.clone(), it.cost.clone(), it.revision);
            purchases.iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(figures(&after), figures(&before), "{seed}");
    }
}
