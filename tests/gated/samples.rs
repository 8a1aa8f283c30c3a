//! Real vendor payloads through `purser plugin map`. The payloads are read from the folder named by `PURSER_SAMPLES`
//! and never copied into the repository; the numbers were worked out from them by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::Gated;

/// What is claimed of the payloads.
pub type Check = fn(&Samples) -> Result<(), Failed>;

const CHECKS: &[(&str, Check)] = &[
    ("restate_utilization_of_real_traffic_gives_36_purchases_of_one_meter", real_utilization),
    ("restate_equal_utilization_records_are_one_purchase_with_two_records", equal_records),
    ("tier_rates_of_a_real_rate_card_are_exact", real_rate_card),
    ("tier_rate_card_of_the_documentation_keeps_its_offer_terms", documented_rate_card),
    ("licences_of_a_legacy_subscription_that_bills_nothing_give_no_purchase", legacy_subscription),
    ("licences_of_a_new_commerce_subscription_give_one_purchase_a_day", new_commerce_subscription),
    ("licences_of_an_expired_subscription_give_no_purchase", expired_subscription),
    ("conserv_rated_usage_costs_are_taken_as_given", rated_usage),
    ("customers_are_read_as_facts", customers),
    ("conserv_reconciliation_lines_are_purchased_or_covered_by_the_licence_mode", charge_lines),
    ("invoices_are_read_as_facts", invoices),
    ("catalogue_titles_are_read_as_texts", titles),
];

/// One test for each row.
pub fn all() -> Vec<Gated> {
    CHECKS.iter().map(|(name, check)| gated(name, *check)).collect()
}

/// A test that needs the folder of payloads.
pub fn gated(name: &str, check: Check) -> Gated {
    let folder = std::env::var_os("PURSER_SAMPLES").map(PathBuf::from);
    let unmet = match &folder {
        None => Some("PURSER_SAMPLES names no folder of vendor payloads".to_owned()),
        Some(folder) if !folder.is_dir() => {
            Some("the folder named by PURSER_SAMPLES is not there".to_owned())
        }
        Some(_) => None,
    };
    let run = Box::new(move || check(&Samples { folder: folder.expect("checked") }));
    Gated { name: name.to_owned(), unmet, run }
}

/// The folder of payloads.
pub struct Samples {
    folder: PathBuf,
}

impl Samples {
    /// A payload, as received.
    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap()
    }

    fn map(&self, feed: &str, file: &str, more: &[&str]) -> Value {
        map(feed, &self.folder.join(file), more)
    }

    /// A single resource as the one item of a collection.
    fn map_as_item(&self, feed: &str, file: &str) -> Value {
        let item: Box<serde_json::value::RawValue> =
            serde_json::from_str(&std::fs::read_to_string(self.folder.join(file)).unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.json");
        std::fs::write(&page, format!(r#"{{"totalCount":1,"items":[{}]}}"#, item.get())).unwrap();
        map(feed, &page, &[])
    }
}

fn map(feed: &str, page: &Path, more: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purser"));
    command.args([
        "plugin",
        "map",
        "microsoft-csp",
        "--feed",
        feed,
        "--as-of",
        "2026-11-23T18:00:00Z",
        "--page",
    ]);
    let output = command.arg(page).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list<'a>(outcome: &'a Value, member: &str) -> &'a Vec<Value> {
    outcome[member].as_array().unwrap_or_else(|| panic!("no {member}"))
}

fn sum(purchases: &[Value], member: &str) -> String {
    let sum: purser_domain::Decimal = purchases
        .iter()
        .map(|purchase| purchase[member].as_str().unwrap().parse::<purser_domain::Decimal>().unwrap())
        .fold(purser_domain::Decimal::zero(), |sum, value| &sum + &value);
    sum.canonical()
}

fn real_utilization(samples: &Samples) -> Result<(), Failed> {
    let outcome = samples.map("utilization", "30-utilizations-azure-real.json", &[]);
    let purchases = list(&outcome, "purchases");
    assert_eq!(outcome["records"], 36);
    assert_eq!(purchases.len(), 36);
    assert!(list(&outcome, "rejected").is_empty());
    assert_eq!(sum(purchases, "quantity"), "0.774144");
    assert!(purchases.iter().all(|purchase| purchase["unit"] == "Units"));
    let distinct = |member: &str| {
        purchases.iter().map(|p| p[member].as_str().unwrap()[..10].to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(distinct("start").into_iter().collect::<Vec<_>>(), ["2018-03-25", "2018-03-26", "2018-03-27"]);
    assert_eq!(
        purchases.iter().map(|p| p["product_key"].as_str().unwrap()).collect::<BTreeSet<_>>().len(),
        1
    );
    let holds_resource = |p: &Value| {
        p["reference"].as_str().unwrap().to_lowercase().contains("/providers/microsoft.compute/disks/")
    };
    assert!(purchases.iter().all(holds_resource));
    Ok(())
}

fn equal_records(samples: &Samples) -> Result<(), Failed> {
    let outcome = samples.map("utilization", "05-utilizations-azure.json", &[]);
    let purchases = list(&outcome, "purchases");
    assert_eq!((outcome["records"].as_u64(), purchases.len()), (Some(2), 1));
    assert_eq!(purchases[0]["quantity"], "0.435580654069782");
    assert_eq!(purchases[0]["unit"], "1 GB/Hr");
    assert_eq!(purchases[0]["start"], "2017-06-08T00:00:00Z");
    assert_eq!(purchases[0]["records"], serde_json::json!([0, 1]));
    assert_eq!(outcome["duplicates"], 1);
    assert!(purchases[0]["cost"].is_null(), "the host prices it later");
    Ok(())
}

fn real_rate_card(samples: &Samples) -> Result<(), Failed> {
    let outcome = samples.map("rate-card", "31-ratecard-azure-real-en.json", &[]);
    let texts = list(&outcome, "product_texts");
    assert_eq!((outcome["records"].as_u64(), texts.len()), (Some(72), 72));
    assert!(texts.iter().all(|text| text["locale"] == "en-US"));
    let tiered: Vec<&Value> =
        texts.iter().filter(|text| text["rates"].as_object().unwrap().len() > 1).collect();
    assert_eq!(tiered.len(), 1);
    assert_eq!(
        tiered[0]["rates"],
        serde_json::json!({"0": "0.017", "51200": "0.01632", "512000": "0.01564"})
    );
    Ok(())
}

fn documented_rate_card(samples: &Samples) -> Result<(), Failed> {
    let outcome = samples.map("rate-card", "06-ratecard-azure.json", &[]);
    assert_eq!(list(&outcome, "product_texts").len(), 3);
    let facts = list(&outcome, "facts");
    assert!(facts.iter().any(|fact| fact["value"].to_string().contains("Overage discount")), "{facts:?}");
    Ok(())
}

fn legacy_subscription(samples: &Samples) -> Result<(), Failed> {
    let outcome = samples.map("licences", "03a-subscriptions-list-legacy.json", &[]);
    assert_eq!(outcome["records"], 1);
    assert!(list(&outcome, "purchases").is_empty());
    assert!(list(&outcome, "rejected").is_empty(), "blanks inside its dates are tolerated");
    Ok(())
}

fn new_commerce_subscription(samples: &Samples) -> Result<(), Failed> {
    let outcome = samples.map("licences", "03b-subscriptions-list-nce.json", &[]);
    let purchases = list(&outcome, "purchases");
    assert_eq!(purchases.len(), 1);
    assert_eq!(purchases[0]["quantity"], "1");
    assert_eq!(purchases[0]["product_text"], "SQL Server Enterprise - 2 Core License Pack - 3 year");
    assert_eq!(purchases[0]["start"], "2026-11-23T00:00:00Z");
    assert_eq!(purchases[0]["end"], "2026-11-24T00:00:00Z");
    Ok(())
}

fn expired_subscription(samples: &Samples) -> Result<(), Failed> {
    let outcome = samples.map_as_item("licences", "04c-subscription-by-id-nce.json");
    assert_eq!(outcome["records"], 1);
    assert!(list(&outcome, "purchases").is_empty() && list(&outcome, "rejected").is_empty());
    assert_eq!(list(&outcome, "ignored")[0]["count"], 1);
    Ok(())
}

fn rated_usage(samples: &Samples) -> Result<(), Failed> {
    for file in ["08a-unbilled-usage-lineitems-p1.json", "50-unbilled-usage-newest.json"] {
        let outcome = samples.map("rated-usage", file, &["--framing", "json-items:/items"]);
        let purchases = list(&outcome, "purchases");
        assert_eq!(outcome["records"], 2, "{file}");
        assert!(list(&outcome, "rejected").is_empty(), "{file}");
        assert_eq!(sum(purchases, "cost"), "61.4394668161102", "{file}");
        assert_eq!(outcome["totals"], serde_json::json!({"USD": "61.4394668161102"}), "{file}");
        assert!(purchases.iter().all(|purchase| purchase["currency"] == "USD"), "{file}");
    }
    Ok(())
}

fn customers(samples: &Samples) -> Result<(), Failed> {
    let listed = samples.map("customers", "01-customers-list.json", &[]);
    let by_id = samples.map_as_item("customers", "02-customer-by-id.json");
    let customers =
        |outcome: &Value| list(outcome, "facts").iter().filter(|fact| fact["kind"] == "customer").count();
    assert_eq!((customers(&listed), customers(&by_id)), (2, 1));
    Ok(())
}

fn charge_lines(samples: &Samples) -> Result<(), Failed> {
    let file = "09a-unbilled-billing-lineitems-p1.repaired.json";
    let framing = ["--framing", "json-items:/items"];
    let daily = samples.map("reconciliation", file, &framing);
    assert_eq!(daily["records"], 3);
    assert_eq!(daily["totals"], serde_json::json!({"USD": "1540"}));
    assert_eq!(sum(list(&daily, "purchases"), "cost"), "820");
    assert_eq!((list(&daily, "purchases").len(), list(&daily, "rejected").len()), (1, 0));
    let ignored = &list(&daily, "ignored")[0];
    assert_eq!((&ignored["rule"], &ignored["count"]), (&"covered-by-licences".into(), &2.into()));

    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.json");
    std::fs::write(&settings, r#"{"charge_events_from":"2019-01"}"#).unwrap();
    let settings = settings.to_str().unwrap();
    let charged =
        samples.map("reconciliation", file, &["--framing", "json-items:/items", "--settings", settings]);
    assert_eq!(list(&charged, "purchases").len(), 3);
    assert_eq!(sum(list(&charged, "purchases"), "cost"), "1540");
    assert_eq!(charged["totals"], serde_json::json!({"USD": "1540"}));
    assert!(list(&charged, "ignored").is_empty() && list(&charged, "rejected").is_empty());
    Ok(())
}

fn invoices(samples: &Samples) -> Result<(), Failed> {
    let outcome = samples.map("invoices", "13a-invoices-list.json", &[]);
    assert_eq!(outcome["records"], 2);
    assert!(list(&outcome, "purchases").is_empty() && list(&outcome, "rejected").is_empty());
    let keys: Vec<_> = list(&outcome, "facts").iter().map(|fact| fact["key"].as_str().unwrap()).collect();
    assert_eq!(
        keys,
        ["D02005YFHI", "G000024130", "G000024131"],
        "the two listed, and the note that amends one"
    );
    Ok(())
}

fn titles(samples: &Samples) -> Result<(), Failed> {
    let products = samples.map("catalogue", "16a-products-list.repaired.json", &[]);
    let skus = samples.map_as_item("catalogue", "17b-sku-by-id-nce.repaired.json");
    let texts = |outcome: &Value| {
        assert!(list(outcome, "rejected").is_empty());
        let text = |text: &Value| {
            (text["key"].as_str().unwrap().to_owned(), text["name"].as_str().unwrap().to_owned())
        };
        list(outcome, "product_texts").iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(texts(&products), [("dzh318z0bq3q".into(), "Virtual Machines DSv2 Series".into())]);
    assert_eq!(texts(&skus), [("cfq7ttc0lh18:0001".into(), "Microsoft 365 Business Basic".into())]);
    Ok(())
}
