//! The vendor's worked examples of billing, by section of the reference they stand in: those that are ours to compute are
//! computed, those that are not are listed with the reason.

use std::sync::OnceLock;

use purser_domain::tiers::Rates;
use purser_domain::{ConnectorId, Decimal};
use purser_pipeline::plugins::Plugins;
use purser_pipeline::trial::{Outcome, Trial, try_body};
use purser_runtime::{Plugin, Sandbox};
use serde_json::{Map, Value, json};

/// What becomes of an example here.
enum Example {
    /// It is computed.
    Ours(fn()),
    /// It is not, for this reason.
    NotOurs(&'static str),
}
use Example::{NotOurs, Ours};

/// Section, example.
const EXAMPLES: &[(&str, &str, Example)] = &[
    ("4.2", "effective unit price of 29, 210.950039 and 555.950039 units at 0.868", NotOurs(AS_GIVEN)),
    ("4.2", "an effective price of 0 beside a total", Ours(an_effective_price_of_nothing_changes_no_cost)),
    ("4.3", "floors and rounding of line totals", NotOurs(AS_GIVEN)),
    ("4.3", "totals with 15 digits stay whole", Ours(a_total_keeps_its_digits)),
    ("4.4", "1338 units: 1024 at one rate, 314 at another", Ours(tiers_of_1338_units)),
    ("4.4", "what is included is deducted first", Ours(tiers_begin_behind_what_is_included)),
    ("4.4", "tiers of price sheets, counted from 1", NotOurs("no feed reads a price sheet")),
    ("4.5", "priced in USD, billed in EUR", Ours(the_billed_amount_counts_in_its_own_currency)),
    ("4.5", "the monthly exchange rate", NotOurs(AS_GIVEN)),
    ("4.6", "a cycle of 2021-05-20 to 2021-06-19", Ours(the_last_day_of_a_charge_counts_whatever_its_hour)),
    (
        "4.6",
        "the day after the order begins a subscription",
        NotOurs("dates are taken as given, never derived"),
    ),
    ("4.7", "lines with equal keys", Ours(equal_lines_are_summed)),
    ("4.7", "negative lines", Ours(a_negative_line_is_negative)),
    ("4.7", "late reports of the last days", NotOurs("shown by the simulated year and the late-usage tests")),
    ("4.8", "a seat more: full credit and rebill", Ours(restated_seats_add_up_as_the_vendor_says)),
    ("4.8", "daily prices rounded before they are multiplied", NotOurs(PRORATION)),
    ("4.8", "cancelled after 30 days: 1.72", NotOurs(PRORATION)),
    (
        "4.8",
        "a promotion: 16 listed, 14.4 effective, 50 seats, 720",
        Ours(a_promotion_is_the_vendors_subtotal),
    ),
    ("4.9", "statuses that are counted", Ours(statuses_that_are_counted)),
    ("4.9", "a trial is a line of 0", Ours(a_trial_costs_nothing_and_stays)),
    (
        "4.9",
        "windows for cancelling",
        NotOurs("the vendor refuses by itself; nothing is ordered or cancelled here"),
    ),
];
const AS_GIVEN: &str = "the vendor computes it; amounts of Azure plans and charge lines are taken as given";
const PRORATION: &str =
    "the vendor's proration cannot be recomputed from what a line says; lines are taken as given";

#[test]
fn conserv_every_worked_example_is_computed_or_has_its_reason() {
    for section in ["4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8", "4.9"] {
        assert!(EXAMPLES.iter().any(|(of, ..)| *of == section), "{section}");
    }
    for (section, words, example) in EXAMPLES {
        match example {
            Ours(compute) => {
                eprintln!("{section} {words}");
                compute();
            }
            NotOurs(reason) => assert!(!reason.is_empty(), "{section} {words}"),
        }
    }
}

fn plugin() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        let plugins = Plugins::new(Sandbox::new(purser_runtime::Limits::default(), None).unwrap(), None);
        plugins.activate(include_bytes!(concat!(env!("OUT_DIR"), "/microsoft-csp.wasm"))).unwrap();
        plugins.active(&"microsoft-csp".parse::<ConnectorId>().unwrap()).unwrap()
    })
}

fn mapped(feed: &str, settings: Value, body: &str) -> Outcome {
    let parameters = [("customer", "c1"), ("date", "2026-11-15"), ("month", "2026-11")];
    let trial = Trial {
        feed: feed.into(),
        locale: "en-US".into(),
        settings: settings.to_string(),
        as_of: "2026-11-16T18:00:00Z".parse().unwrap(),
        parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        framing: None,
    };
    let outcome = try_body(plugin(), &trial, body.as_bytes()).unwrap();
    assert!(outcome.rejected.is_empty(), "{:?}", outcome.rejected);
    outcome
}

/// Charge lines of a seat subscription, by charge events.
fn charges(lines: &[Value]) -> Outcome {
    let line = |change: &Value| {
        let mut line = json!({
            "CustomerId": "c1", "SubscriptionId": "s1", "OrderId": "o1", "ProductId": "CFQ7TTC0LH18", "SkuId": "0001",
            "AvailabilityId": "AV", "ProductName": "Suite", "ChargeType": "New", "UnitPrice": 4, "Quantity": 1,
            "BillableQuantity": 1, "Subtotal": 4, "Currency": "EUR", "PricingCurrency": "EUR", "PCToBCExchangeRate": 1,
            "ChargeStartDate": "2026-11-01T00:00:00Z", "ChargeEndDate": "2026-11-30T23:59:59Z",
        });
        merge(line.as_object_mut().unwrap(), change);
        line.to_string()
    };
    let body: Vec<String> = lines.iter().map(line).collect();
    mapped("reconciliation", json!({ "charge_events_from": "2026-11" }), &body.join("\n"))
}

fn rated(lines: &[Value]) -> Outcome {
    let line = |change: &Value| {
        let mut line = json!({
            "CustomerId": "c1", "SubscriptionId": "s1", "EntitlementId": "e1", "ProductId": "DZH318Z0BPS6", "SkuId": "000B",
            "MeterId": "m1", "UsageDate": "2026-11-14T00:00:00Z", "UnitType": "1 Hour", "Quantity": 1, "UnitPrice": 0.868,
            "EffectiveUnitPrice": 0.7378, "BillingPreTaxTotal": 1, "BillingCurrency": "EUR", "PricingCurrency": "USD",
            "PCToBCExchangeRate": 0.92, "ResourceURI": "/r", "ChargeType": "new",
        });
        merge(line.as_object_mut().unwrap(), change);
        line.to_string()
    };
    let body: Vec<String> = lines.iter().map(line).collect();
    mapped("rated-usage", json!({}), &body.join("\n"))
}

fn merge(line: &mut Map<String, Value>, change: &Value) {
    line.extend(change.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
}

fn sum(outcome: &Outcome) -> String {
    let costs = outcome.purchases.iter().filter_map(|it| it.cost.as_deref());
    costs
        .map(|cost| cost.parse::<Decimal>().unwrap())
        .fold(Decimal::zero(), |sum, cost| &sum + &cost)
        .canonical()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn rates(included: &str) -> Rates {
    let tiers = [(decimal("0"), decimal("0.10")), (decimal("1024"), decimal("0.08"))];
    Rates::new("EUR".parse().unwrap(), &tiers, Some(&decimal(included))).unwrap()
}

fn an_effective_price_of_nothing_changes_no_cost() {
    let outcome = rated(&[json!({ "EffectiveUnitPrice": 0, "BillingPreTaxTotal": "21.39", "Quantity": 29 })]);
    assert_eq!((sum(&outcome).as_str(), outcome.purchases[0].quantity.as_str()), ("21.39", "29"));
}

fn a_total_keeps_its_digits() {
    let outcome = rated(&[json!({ "BillingPreTaxTotal": "0.012345678901234567" })]);
    assert_eq!(sum(&outcome), "0.012345678901234567");
}

fn tiers_of_1338_units() {
    let cost = rates("0").cost(&decimal("1338"));
    assert_eq!(cost, &(&decimal("1024") * &decimal("0.10")) + &(&decimal("314") * &decimal("0.08")));
}

fn tiers_begin_behind_what_is_included() {
    assert_eq!(rates("100").cost(&decimal("1438")), rates("0").cost(&decimal("1338")));
    assert!(rates("100").cost(&decimal("100")).is_zero());
}

fn the_billed_amount_counts_in_its_own_currency() {
    let outcome = rated(&[json!({ "BillingPreTaxTotal": "9.20", "UnitPrice": 10 })]);
    let purchase = &outcome.purchases[0];
    let told = [&purchase.currency, &purchase.unit_price_currency, &purchase.exchange_rate];
    assert_eq!(told.map(|text| text.as_deref()), [Some("EUR"), Some("USD"), Some("0.92")]);
    assert_eq!(sum(&outcome), "9.2");
}

fn the_last_day_of_a_charge_counts_whatever_its_hour() {
    for end in ["2021-06-19T00:00:00Z", "2021-06-19T23:59:59Z", "2021-06-19"] {
        let line = json!({ "ChargeStartDate": "2021-05-20T00:00:00Z", "ChargeEndDate": end });
        let purchase = &charges(&[line]).purchases[0];
        let days = (purchase.start.as_str(), purchase.end.as_str());
        assert_eq!(days, ("2021-05-20T00:00:00Z", "2021-06-20T00:00:00Z"), "{end}");
    }
}

fn equal_lines_are_summed() {
    let outcome = rated(&[json!({ "Quantity": 2 }), json!({ "Quantity": 2 })]);
    assert_eq!((outcome.purchases.len(), outcome.duplicates), (1, 1));
    assert_eq!((outcome.purchases[0].quantity.as_str(), sum(&outcome).as_str()), ("4", "2"));
}

fn a_negative_line_is_negative() {
    let outcome = rated(&[json!({ "BillingPreTaxTotal": "-3.5", "Quantity": -1 })]);
    assert_eq!((sum(&outcome).as_str(), outcome.purchases[0].quantity.as_str()), ("-3.5", "-1"));
}

/// A seat more on 1 February: the open line back in full, the days before with one seat, the days after with two.
fn restated_seats_add_up_as_the_vendor_says() {
    let part = |kind: &str, from: &str, to: &str, seats: i32, amount: &str| {
        json!({ "ChargeType": kind, "ChargeStartDate": from, "ChargeEndDate": to, "Quantity": seats,
                "BillableQuantity": seats, "Subtotal": amount })
    };
    let (first, last) = ("2026-01-13", "2026-02-12");
    let examples: [(&[Value], &str); 3] = [
        (
            &[
                part("New", first, last, 1, "4.00"),
                part("addQuantity", first, last, -1, "-4.00"),
                part("addQuantity", first, "2026-01-31", 1, "2.45"),
                part("addQuantity", "2026-02-01", last, 2, "3.10"),
            ],
            "5.55",
        ),
        (
            &[
                part("New", first, last, 1, "4.00"),
                part("addQuantity", first, last, -1, "-4.00"),
                part("addQuantity", first, last, 2, "8.00"),
            ],
            "8",
        ),
        (
            &[
                part("New", first, last, 1, "211.20"),
                part("addQuantity", first, last, -1, "-211.20"),
                part("addQuantity", first, "2026-01-31", 1, "0.58"),
                part("addQuantity", "2026-02-01", last, 2, "31.25"),
            ],
            "31.83",
        ),
    ];
    for (lines, expected) in examples {
        let outcome = charges(lines);
        assert_eq!(sum(&outcome), expected);
        assert_eq!(
            outcome.purchases.len() as u64 + outcome.duplicates,
            lines.len() as u64,
            "nothing is lost"
        );
    }
}

fn a_promotion_is_the_vendors_subtotal() {
    let line = json!({ "UnitPrice": 16, "EffectiveUnitPrice": 14.4, "Quantity": 50, "BillableQuantity": 50, "Subtotal": 720 });
    let purchase = &charges(&[line]).purchases[0];
    assert_eq!((purchase.cost.as_deref(), purchase.unit_price.as_deref()), (Some("720"), Some("16")));
    assert_eq!(purchase.metadata["effective_unit_price"], "14.4");
}

fn statuses_that_are_counted() {
    let counted = |status: &str| {
        let body = json!({ "items": [{ "id": "s1", "offerId": "CFQ7TTC0LH18:0001:AV", "quantity": 5, "unitType": "Licenses",
                                       "status": status, "billingType": "license" }] });
        mapped("licences", json!({}), &body.to_string()).purchases.len()
    };
    let counts = ["active", "suspended", "pending", "none", "deleted", "expired"].map(counted);
    assert_eq!(counts, [1, 1, 0, 0, 0, 0]);
}

fn a_trial_costs_nothing_and_stays() {
    let line = json!({ "Subtotal": 0, "UnitPrice": 0, "ProductQualifiers": ["Trial"],
                       "TermAndBillingCycle": "One-Month commitment for trial" });
    let outcome = charges(&[line]);
    assert_eq!((outcome.purchases.len(), sum(&outcome).as_str()), (1, "0"));
}
