//! Claims about both sides of a reconciliation.

use purser_domain::customer::Target;
use purser_domain::reconciliation::InvoiceLine;
use purser_domain::{AccountId, Contribution, Decimal, Tally};

use super::world::{
    account, answer, ask, begin, commit, day, decimal, finish, hour, page, partition, policy, run,
    staged_partition, usage,
};
use crate::Store;
use crate::customers::MappingChange;
use crate::reconciliation::{Side, Sides};
use crate::runs::Partition;

const INVOICE: &str = "invoice";

fn invoice(stage: u32) -> Partition {
    Partition { feed: INVOICE.into(), ..staged_partition(stage) }
}

/// A line of the subscription of a customer that the feed `usage` bills.
fn line(customer: &str, cost: &str) -> InvoiceLine {
    let said = usage("r", customer, day(1), cost);
    InvoiceLine {
        rule: "covered-by-usage".into(),
        billed_by: "usage".into(),
        vendor_customer: said.description.vendor_customer,
        vendor_subscription: said.description.vendor_subscription,
        product_key: said.description.product_key,
        product_text: said.description.product_text,
        quantity: said.quantity,
        unit: said.description.unit,
        cost: decimal(cost),
        currency: "EUR".parse().unwrap(),
        start: said.description.start,
        end: said.description.end,
    }
}

/// One run that brings lines that others bill, and charges that nobody else does.
async fn bring(
    store: &dyn Store,
    account: AccountId,
    at: i64,
    stage: u32,
    lines: &[InvoiceLine],
    own: Vec<Contribution>,
) {
    let fence = begin(store, account, hour(at)).await;
    let partition = invoice(stage);
    let requests = ask(store, fence, &[&partition]).await;
    let mut brought = page(0, own);
    for line in lines {
        let mut tally = Tally::default();
        tally.add_contribution(&usage("r", &line.vendor_customer, day(1), &line.cost.to_string()));
        brought.balance.received.merge(&tally);
        brought.balance.ignored.entry(line.rule.clone()).or_default().merge(&tally);
    }
    brought.lines = lines.to_vec();
    answer(store, fence, requests[0], vec![brought]).await;
    commit(store, fence, &partition, hour(at)).await;
    finish(store, fence).await;
}

async fn sides(store: &dyn Store, account: AccountId) -> Sides {
    store.sides(account, &"2026-11".parse().unwrap(), &[INVOICE.to_owned()]).await.unwrap()
}

fn part<'a>(sides: &'a Sides, customer: &str, feed: &str) -> &'a Side {
    sides.parts.iter().find(|it| it.vendor_customer == customer && it.feed == feed).unwrap()
}

fn received(sides: &Sides) -> (bool, Decimal) {
    let invoiced = &sides.invoices[&"EUR".parse().unwrap()];
    (invoiced.is_billed, invoiced.received.clone())
}

pub async fn reconcil_a_line_stands_beside_the_purchases_that_bill_it(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let daily = vec![usage("a", "contoso", day(20), "4"), usage("b", "contoso", day(21), "2")];
    run(store, account, hour(0), &partition("p"), daily).await;
    let own = vec![usage("once", "fabrikam", day(5), "9")];
    bring(store, account, 24, 1, &[line("contoso", "3"), line("contoso", "3.01")], own).await;
    let sides = sides(store, account).await;
    let usage = part(&sides, "contoso", "usage");
    assert_eq!((usage.charged.lines, usage.charged.amount.clone()), (2, decimal("6.01")));
    assert_eq!((usage.billed.lines, usage.billed.billed.clone()), (2, decimal("6")));
    assert_eq!(usage.charged.quantities, usage.billed.quantities);
    assert_eq!(usage.scope, "subscription of contoso");
    let own = part(&sides, "fabrikam", INVOICE);
    assert_eq!((own.charged.lines, own.billed.billed.clone()), (0, decimal("9")));
    assert_eq!(received(&sides), (true, decimal("15.01")));
}

pub async fn reconcil_billed_lines_withdraw_the_unbilled(store: &dyn Store) {
    let account = account(store, "contoso").await;
    bring(store, account, 0, 0, &[line("contoso", "3")], Vec::new()).await;
    assert_eq!(received(&sides(store, account).await), (false, decimal("3")));
    // Every line is another feed's: the invoice is out all the same.
    bring(store, account, 24, 1, &[line("contoso", "4")], Vec::new()).await;
    let now = sides(store, account).await;
    assert_eq!(part(&now, "contoso", "usage").charged.amount, decimal("4"));
    assert_eq!(received(&now), (true, decimal("4")));
    let fence = begin(store, account, hour(48)).await;
    let requests = ask(store, fence, &[&invoice(0)]).await;
    answer(store, fence, requests[0], vec![page(1, vec![usage("late", "contoso", day(2), "1")])]).await;
    let refused = store.commit_partition(fence, &invoice(0), &policy(hour(48))).await;
    assert!(matches!(refused, Err(crate::Error::Stale)), "{refused:?}");
    finish(store, fence).await;
}

pub async fn reconcil_an_answer_without_a_line_takes_none_away(store: &dyn Store) {
    let account = account(store, "contoso").await;
    bring(store, account, 0, 1, &[line("contoso", "3")], Vec::new()).await;
    bring(store, account, 24, 1, &[], Vec::new()).await;
    assert_eq!(part(&sides(store, account).await, "contoso", "usage").charged.amount, decimal("3"));
}

pub async fn reconcil_what_is_billed_to_nobody_is_told_apart(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let daily = vec![usage("a", "contoso", day(20), "4"), usage("b", "fabrikam", day(20), "2")];
    run(store, account, hour(0), &partition("p"), daily).await;
    let change = |customer: &str, target| MappingChange {
        vendor_customer: customer.into(),
        from: day(1),
        target: Some(target),
    };
    let changes = [change("contoso", Target::Unmapped), change("fabrikam", Target::Ignored("ours".into()))];
    // Not mapped, where customers nobody has mapped wait.
    let host = crate::accounts::HostSettings {
        unmapped_customers: crate::accounts::UnmappedCustomers::Wait,
        ..Default::default()
    };
    store.save_settings(account, 0, &host, &serde_json::json!({}), "anna", hour(1)).await.unwrap();
    store.change_mapping(account, &changes, "anna", &policy(hour(2))).await.unwrap();
    let sides = sides(store, account).await;
    assert_eq!(part(&sides, "contoso", "usage").billed.unmapped, decimal("4"));
    assert_eq!(part(&sides, "fabrikam", "usage").billed.ignored, decimal("2"));
    let other = super::world::account(store, "other").await;
    assert_eq!(self::sides(store, other).await, Sides::default());
}

pub async fn reconcil_a_row_leads_to_its_lines_and_purchases_and_to_no_others(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let other = super::world::account(store, "other").await;
    let euro = "EUR".parse().unwrap();
    let daily = |customer: &str| vec![usage("a", customer, day(20), "4"), usage("b", customer, day(21), "2")];
    run(store, account, hour(0), &partition("p"), daily("contoso")).await;
    run(store, account, hour(1), &partition("q"), daily("fabrikam")).await;
    run(store, other, hour(0), &partition("p"), daily("contoso")).await;
    bring(store, account, 24, 1, &[line("contoso", "3"), line("fabrikam", "7")], Vec::new()).await;
    let month = "2026-11".parse().unwrap();
    let behind = |limit| store.behind(account, &month, "subscription of contoso", &euro, limit);
    let all = behind(10).await.unwrap();
    assert_eq!(all.lines, [line("contoso", "3")]);
    let costs: Vec<_> = all.purchases.iter().map(|it| (it.account, it.cost.clone().unwrap())).collect();
    assert_eq!(costs, [(account, decimal("4")), (account, decimal("2"))]);
    assert_eq!(behind(1).await.unwrap().purchases, all.purchases[..1]);
    let dollars = "USD".parse().unwrap();
    let none = store.behind(account, &month, "subscription of contoso", &dollars, 10).await.unwrap();
    assert_eq!(none, crate::reconciliation::Behind::default());
    let earlier = "2026-10".parse().unwrap();
    let none = store.behind(account, &earlier, "subscription of contoso", &euro, 10).await.unwrap();
    assert_eq!(none, crate::reconciliation::Behind::default());
}
