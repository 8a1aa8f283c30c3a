//! `/purchases/vanished`: Purchases that the vendor no longer shows and that wait for a decision.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::Response;
use purser_domain::completeness::Hold;
use purser_domain::purchase::Key;
use purser_domain::{AccountId, Decimal, Purchase, RunId};
use purser_store::ledger::{HeldVoid, VoidDecision};
use purser_store::runs::Partition;
use serde::Deserialize;

use super::purchases::{Row, rows};
use crate::books::{Book, Books};
use crate::format::Number;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Purchases of a group that are shown; all of it are decided.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "vanished.html")]
struct VanishedPage {
    shell: Shell,
    groups: Vec<Group>,
}

/// What one run did not find in one part of a feed.
struct Group {
    account: AccountId,
    title: String,
    feed: String,
    partition: Partition,
    run: RunId,
    code: String,
    what: String,
    remedy: String,
    count: usize,
    sums: Vec<(String, Number)>,
    rows: Vec<Row>,
}

/// The page.
pub(crate) async fn show(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    let shell = Shell::load(&state, &visitor, Area::Purchases).await?;
    let books = Books::load(&state).await?;
    let mut groups = Vec::new();
    for book in books.iter() {
        groups.extend(groups_of(&state, &visitor, &books, book).await?);
    }
    page(&VanishedPage { shell, groups })
}

async fn groups_of(
    state: &WebState,
    visitor: &Visitor,
    books: &Books,
    book: &Book,
) -> Result<Vec<Group>, Problem> {
    let mut held = BTreeMap::<(Partition, RunId, String), Vec<Key>>::new();
    for void in state.store.held_voids(Some(book.account.id)).await? {
        held.entry((void.partition, void.run, void.because)).or_default().push(void.key);
    }
    let customers = if held.is_empty() { Default::default() } else { book.customers(state).await? };
    let mut groups = Vec::new();
    for ((partition, run, code), keys) in held {
        let purchases = purchases(state, &keys).await?;
        let shown = purchases.get(..SHOWN).unwrap_or(&purchases);
        let hold = Hold::ALL.iter().find(|hold| hold.code() == code);
        groups.push(Group {
            account: book.account.id,
            title: book.account.title.clone(),
            feed: book.feed_title(&partition.feed),
            what: hold.map_or("what vanished waits", |hold| hold.what()).to_owned(),
            remedy: hold.map_or("", |hold| hold.remedy()).to_owned(),
            count: keys.len(),
            sums: sums(&purchases)
                .into_iter()
                .map(|(currency, sum)| (currency, visitor.numbers.money(&sum)))
                .collect(),
            rows: rows(state, books, &customers, shown, visitor.numbers).await?,
            partition,
            run,
            code,
        });
    }
    Ok(groups)
}

async fn purchases(state: &WebState, keys: &[Key]) -> Result<Vec<Purchase>, Problem> {
    let mut purchases = Vec::new();
    for key in keys {
        purchases.extend(state.store.purchase(*key).await?);
    }
    Ok(purchases)
}

fn sums(purchases: &[Purchase]) -> BTreeMap<String, Decimal> {
    let mut sums = BTreeMap::<String, Decimal>::new();
    for purchase in purchases {
        if let (Some(currency), Some(cost)) = (&purchase.description.currency, &purchase.cost) {
            *sums.entry(currency.to_string()).or_default() += cost;
        }
    }
    sums
}

/// What was decided about which group.
#[derive(Deserialize)]
pub(crate) struct Decided {
    account: AccountId,
    feed: String,
    key: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    currency: String,
    stage: u32,
    run: i64,
    decision: VoidDecision,
    /// One Purchase of the group; empty: all.
    #[serde(default)]
    purchase: String,
}

impl Decided {
    fn means(&self, void: &HeldVoid) -> bool {
        let of = &void.partition;
        (&of.feed, &of.key, &of.month, &of.currency, of.stage, void.run.0)
            == (&self.feed, &self.key, &self.month, &self.currency, self.stage, self.run)
            && (self.purchase.is_empty() || void.key.to_string() == self.purchase)
    }
}

/// Carries a decision out.
pub(crate) async fn decide(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(decided): Form<Decided>,
) -> Result<Response, Problem> {
    let book = Book::load(&state, decided.account).await?;
    let mut voids = state.store.held_voids(Some(decided.account)).await?;
    voids.retain(|void| decided.means(void));
    let policy = book.policy(state.acts.now());
    let count = state.store.decide_voids(decided.account, &voids, decided.decision, &policy).await?;
    let detail = serde_json::json!({
        "account": decided.account, "feed": decided.feed, "part": decided.key, "run": decided.run,
        "purchase": decided.purchase, "before": { "held": voids.len() },
        "after": { "decision": decided.decision, "purchases": count },
    });
    state.audit(&visitor.person.name, "voids.decided", detail).await?;
    let text = match decided.decision {
        VoidDecision::Take => format!("{count} Purchases are void now."),
        VoidDecision::Keep => format!("{count} Purchases stay as they are, until the vendor is read again."),
    };
    visitor.tell_at(&text, "/purchases/vanished").await
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    const GROUP: &str = "account=1&feed=usage&key=p1&stage=0&run=2";

    #[tokio::test]
    async fn what_vanished_is_shown_with_its_reason_and_decided_as_a_group() {
        let mut site = Site::with_purchases().await;
        site.lose_purchases().await;
        site.sign_in("vera").await;
        let text = site.get("/purchases/vanished").await.text;
        for part in
            ["LED-VOID-RECORDS", "more Purchases have vanished than the threshold allows", "Virtuele machine"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("<button type=\"submit\" name=\"decision\""), "a viewer only looks");
        assert_eq!(site.post("/purchases/vanished", &format!("{GROUP}&decision=take")).await.status, 403);
        site.sign_in("olaf").await;
        let answer = site.post("/purchases/vanished", &format!("{GROUP}&decision=take")).await;
        assert_eq!(answer.location(), "/purchases/vanished");
        let text = site.get("/purchases/vanished").await.text;
        assert!(text.contains("2 Purchases are void now") && text.contains("Nothing waits"), "{text}");
        assert_eq!(site.purchase("VM").await.cost, Some(purser_domain::Decimal::zero()));
        assert!(site.get("/audit").await.text.contains("voids.decided"));
    }

    #[tokio::test]
    async fn one_purchase_can_be_kept() {
        let mut site = Site::with_purchases().await;
        site.lose_purchases().await;
        site.sign_in("olaf").await;
        let before = site.purchase("VM").await;
        let form = format!("{GROUP}&decision=keep&purchase={}", before.key);
        site.post("/purchases/vanished", &form).await;
        assert_eq!(site.purchase("VM").await, before);
        assert_eq!(site.store.held_voids(None).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_decision_about_another_run_s_question_changes_nothing() {
        let mut site = Site::with_purchases().await;
        site.lose_purchases().await;
        site.sign_in("olaf").await;
        let form = "account=1&feed=usage&key=p1&stage=0&run=1&decision=take";
        site.post("/purchases/vanished", form).await;
        assert_eq!(site.store.held_voids(None).await.unwrap().len(), 2);
        assert_eq!(site.post("/purchases/vanished", "decision=maybe").await.status, 422);
    }
}
