//! `/purchases/unmapped`: what was retrieved and is billed to nobody, by reason, and how to mend each.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use purser_domain::AccountId;
use purser_domain::purchase::{Evidence, Key};
use purser_store::customers::Unmapped;
use purser_store::ledger::Rejected;

use super::customers::one;
use crate::books::{Book, Books};
use crate::format::{Number, When};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "unmapped.html")]
struct UnmappedPage {
    shell: Shell,
    waiting: Vec<Group>,
    ignored: Vec<Group>,
    rejected: Vec<Aside>,
}

/// Purchases of one of the vendor's customers.
struct Group {
    name: String,
    id: String,
    account: String,
    reason: String,
    purchases: String,
    sums: Vec<(String, Number)>,
    first_seen: When,
    example: Key,
    /// Where it is mapped; empty where there is nothing to map.
    path: String,
}

/// Records set aside for one reason.
struct Aside {
    reason: String,
    feed: String,
    account: String,
    account_id: AccountId,
    records: String,
    sums: Vec<(String, Number)>,
    first_seen: Option<When>,
    example: Option<Evidence>,
}

/// The page.
pub(crate) async fn show(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    let shell = Shell::load(&state, &visitor, Area::Purchases).await?;
    let books = Books::load(&state).await?;
    let (mut waiting, mut ignored, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
    for book in books.iter() {
        let names = book.customers(&state).await?;
        for found in state.store.unmapped(book.account.id).await? {
            let list = if found.ignored.is_some() { &mut ignored } else { &mut waiting };
            let name = names.get(&found.vendor_customer).cloned().unwrap_or_default();
            list.push(group(book, &visitor, name, found));
        }
        let found = state.store.rejected(book.account.id).await?;
        rejected.extend(found.into_iter().map(|found| aside(book, &visitor, found)));
    }
    page(&UnmappedPage { shell, waiting, ignored, rejected })
}

fn group(book: &Book, visitor: &Visitor, name: String, found: Unmapped) -> Group {
    let is_named = !found.vendor_customer.is_empty();
    let reason = match found.ignored {
        Some(reason) => reason,
        None if is_named => "nobody has mapped this customer".to_owned(),
        None => "neither the record nor its subscription names a customer".to_owned(),
    };
    let money =
        |(currency, sum): (&purser_domain::Currency, &_)| (currency.to_string(), visitor.numbers.money(sum));
    Group {
        path: if is_named { one::path(book, &found.vendor_customer) } else { String::new() },
        name: if name.is_empty() { found.vendor_customer.clone() } else { name },
        id: found.vendor_customer,
        account: book.account.title.clone(),
        reason,
        purchases: visitor.numbers.count(found.purchases),
        sums: found.sums.iter().map(money).collect(),
        first_seen: When::new(found.first_seen, &book.zone),
        example: found.example,
    }
}

fn aside(book: &Book, visitor: &Visitor, found: Rejected) -> Aside {
    let numbers = visitor.numbers;
    let measure = |(measure, sum): (&String, &_)| match measure.strip_prefix("quantity:") {
        Some(unit) => (unit.to_owned(), numbers.plain(sum)),
        None => (measure.clone(), numbers.money(sum)),
    };
    Aside {
        feed: book.feed_title(&found.feed),
        reason: found.reason,
        account: book.account.title.clone(),
        account_id: book.account.id,
        records: numbers.count(found.tally.records),
        sums: found.tally.sums.iter().map(measure).collect(),
        first_seen: found.first_seen.map(|at| When::new(at, &book.zone)),
        example: found.example,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn what_is_billed_to_nobody_is_grouped_by_reason_with_its_mending() {
        let mut site = Site::with_purchases().await;
        site.wait_for_mappings().await;
        site.sign_in("olaf").await;
        let text = site.get("/purchases/unmapped").await.text;
        let parts = [
            "Bakery Jansen",
            "nobody has mapped this customer",
            "1,234.567890",
            "/connectors/test-cloud/accounts/1/customers/c-1",
        ];
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
        let path = "/connectors/test-cloud/accounts/1/customers";
        site.post(&format!("{path}/c-1"), "what=code&code=K-1").await;
        site.post(&format!("{path}/c-2"), "what=ignore&reason=our+own").await;
        let text = site.get("/purchases/unmapped").await.text;
        assert!(!text.contains("Bakery Jansen") && text.contains("our own"), "{text}");
    }

    #[tokio::test]
    async fn rejected_records_are_told_with_an_example() {
        let mut site = Site::with_purchases().await;
        site.reject_a_record("no price").await;
        site.sign_in("vera").await;
        let text = site.get("/purchases/unmapped").await.text;
        assert!(text.contains("no price") && text.contains("/records/1/"), "{text}");
    }

    #[tokio::test]
    async fn where_nothing_waits_it_says_so() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        assert!(
            site.get("/purchases/unmapped")
                .await
                .text
                .contains("Everything that was retrieved has a customer")
        );
    }
}
