//! `purser plugin try` on a real ledger: planted faults are shown in money, and stopped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;
use std::sync::OnceLock;

use purser_domain::Decimal;
use purser_simulator::Config;
use serde_json::Value;

use crate::fixtures::component_with;
use crate::support::{stderr, stdout};
use crate::world::{Data, World};

const CLEAN: i32 = 0;
const NEEDS_CONFIRMATION: i32 = 3;
const BLOCKED: i32 = 4;

/// A ledger with usage that the vendor prices, usage that the host prices, seats and invoices.
struct House {
    world: World,
    data: Data,
}

impl House {
    fn new() -> Self {
        let world = World::new(Config { customers: 3, records: 120, rated_records: 60, ..Config::default() });
        let data = world.data();
        let output = world.purser(&data).args(["run", "1"]).output().unwrap();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        Self { world, data }
    }

    fn try_out(&self, component: &PathBuf, args: &[&str]) -> Output {
        let mut command = self.world.purser(&self.data);
        command.args(["plugin", "try"]).arg(component).args(args).output().unwrap()
    }

    fn report(&self, component: &PathBuf, args: &[&str]) -> (Option<i32>, Value) {
        let output = self.try_out(component, &[args, &["--format", "json"]].concat());
        let report = serde_json::from_slice(&output.stdout);
        (output.status.code(), report.unwrap_or_else(|error| panic!("{error}: {}", stderr(&output))))
    }
}

/// The bundled connector with a planted fault, as a file.
fn wrong(feature: &str) -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let file = FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path().join(format!("{feature}.wasm"));
    std::fs::write(&file, component_with("wrong-csp", &[feature])).unwrap();
    file
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}

/// What a report says of the money of all customers, by currency: before and after.
fn money(report: &Value) -> BTreeMap<String, (Decimal, Decimal)> {
    let mut money = BTreeMap::<String, (Decimal, Decimal)>::new();
    for customer in report["diff"]["sums"]["1"].as_object().unwrap().values() {
        for (currency, change) in customer["money"].as_object().unwrap() {
            let sum = money.entry(currency.clone()).or_default();
            sum.0 += &decimal(&change["before"]);
            sum.1 += &decimal(&change["after"]);
        }
    }
    money
}

fn codes(report: &Value) -> Vec<String> {
    let reasons = report["reasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

/// What `purser export` says the Purchases cost that the vendor prices, by currency.
fn exported(house: &House) -> BTreeMap<String, Decimal> {
    let rows: Vec<Value> = serde_json::from_str(&house.world.export(&house.data)).unwrap();
    let mut sums = BTreeMap::<String, Decimal>::new();
    for row in
        rows.iter().filter(|row| !row["cost"].is_null() && !row["reference"].as_str().unwrap().contains('#'))
    {
        *sums.entry(row["currency"].as_str().unwrap().to_owned()).or_default() += &decimal(&row["cost"]);
    }
    sums
}

#[test]
fn plugin_try_of_the_version_at_work_changes_nothing_and_the_ledger_is_as_it_should_be() {
    let house = House::new();
    let (code, report) = house.report(&PathBuf::from("microsoft-csp"), &[]);
    assert_eq!((code, report["verdict"].as_str()), (Some(CLEAN), Some("clean")), "{:#}", report["reasons"]);
    assert!(report["pages"].as_u64().unwrap() > 20 && report["records"].as_u64().unwrap() > 300);
    assert_eq!(report["drift"]["partitions"], 0, "{:#}", report["drift"]);
    for (currency, (before, after)) in money(&report) {
        assert_eq!(before, after, "{currency}");
    }
    // Another build that only adds words of its own.
    let (code, report) = house.report(&wrong("words"), &[]);
    assert_eq!(code, Some(CLEAN), "{:#}", report["reasons"]);
    let counts = &report["diff"]["counts"];
    assert!(counts["reworded"].as_u64().unwrap() > 100, "{counts:#}");
    assert_eq!(counts["reworded"], counts["changed"]);
}

#[test]
fn plugin_try_shows_a_planted_rounding_fault_in_money_and_blocks_it() {
    let house = House::new();
    let file = wrong("rounding");
    let (code, report) = house.report(&file, &[]);
    assert_eq!((code, report["verdict"].as_str()), (Some(BLOCKED), Some("blocked")));
    let codes = codes(&report);
    assert!(codes.contains(&"TRY-AMOUNT".into()) && codes.contains(&"TRY-BALANCE".into()), "{codes:?}");
    let rows = report["diff"]["rows"].as_array().unwrap();
    let mut cut = Decimal::zero();
    for row in rows {
        assert_eq!(row["class"], "changed");
        assert_eq!(row["fields"], serde_json::json!(["cost"]));
        let (before, after) = (decimal(&row["before"]["cost"]), decimal(&row["after"]["cost"]));
        assert!(after.scale() <= 2 && before.scale() > 2, "{before} {after}");
        cut += &(&after - &before);
    }
    let total: Decimal =
        money(&report).values().map(|(before, after)| after - before).collect::<Vec<_>>().iter().sum();
    assert!(!total.is_zero());
    assert_eq!(total, cut, "the rows are the whole difference");
    let told = stdout(&house.try_out(&file, &[]));
    let lost = money(&report).into_iter().map(|(currency, (before, after))| (currency, &after - &before));
    for (currency, lost) in lost.filter(|(_, lost)| !lost.is_zero()) {
        assert!(told.contains(&lost.to_string()) && told.contains(&currency), "{currency} {lost}\n{told}");
    }
    assert!(told.starts_with("verdict: blocked\n"), "{told}");
}

#[test]
fn plugin_try_shows_a_planted_reference_change_in_money_and_blocks_it() {
    let house = House::new();
    let file = wrong("references");
    let (code, report) = house.report(&file, &[]);
    assert_eq!(code, Some(BLOCKED));
    assert_eq!(codes(&report), ["TRY-REFERENCE"], "it moves no money, and nothing else is wrong");
    assert_eq!(report["diff"]["rows"], serde_json::json!([]), "a class of its own");
    let moved = report["diff"]["moved"].as_array().unwrap();
    let mut sum = BTreeMap::<String, Decimal>::new();
    for group in moved {
        for said in group["before"].as_array().unwrap().iter().filter(|said| !said["cost"].is_null()) {
            let currency = said["description"]["currency"].as_str().unwrap().to_owned();
            *sum.entry(currency).or_default() += &decimal(&said["cost"]);
        }
    }
    let before: BTreeMap<_, _> =
        money(&report).into_iter().map(|(currency, (before, _))| (currency, before)).collect();
    assert_eq!(sum, before, "all money stands under other references");
    // Accepted expressly it still asks.
    let (code, report) = house.report(&file, &["--accept-references"]);
    assert_eq!((code, codes(&report)), (Some(NEEDS_CONFIRMATION), vec!["TRY-REFERENCE".to_owned()]));
    let told = stdout(&house.try_out(&file, &[]));
    assert!(told.contains("under another reference") && told.contains("/v2 ("), "{told}");
}

#[test]
fn plugin_try_shows_a_planted_dropped_record_in_money_and_blocks_it() {
    let house = House::new();
    for feature in ["dropping", "repeating"] {
        let file = wrong(feature);
        // Nothing that can be accepted lets it pass.
        let (code, report) = house.report(&file, &["--accept-references", "--threshold", "1000000000"]);
        assert_eq!(code, Some(BLOCKED), "{feature}: {:#}", report["reasons"]);
        let codes = codes(&report);
        assert_eq!(codes[0], "TRY-PAGE", "{feature}: {codes:?}");
        assert!(codes.contains(&"TRY-DROPPED".into()), "{feature}: {codes:?}");
        let lost: Vec<&Value> = report["diff"]["fates"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|fate| fate["after"]["became"] == "lost")
            .collect();
        let mut in_money = BTreeMap::<String, Decimal>::new();
        for fate in &lost {
            assert_eq!(fate["before"]["became"], "purchased");
            for (measure, sum) in fate["tally"]["sums"].as_object().unwrap() {
                *in_money.entry(measure.clone()).or_default() += &decimal(sum);
            }
        }
        assert!(!lost.is_empty() && !in_money.is_empty(), "{feature}: {:#}", report["diff"]["fates"]);
        assert!(in_money.keys().any(|measure| !measure.starts_with("quantity:")), "{in_money:?}");
        // What is lost is what is missing from the sums, to the last digit, and each Purchase of it is listed.
        let mut gone = BTreeMap::<String, Decimal>::new();
        for row in report["diff"]["rows"].as_array().unwrap() {
            let cost = |side: &str| match &row[side]["cost"] {
                Value::Null => Decimal::zero(),
                cost => decimal(cost),
            };
            let currency = row["before"]["description"]["currency"].as_str().unwrap().to_owned();
            *gone.entry(currency).or_default() += &(&cost("before") - &cost("after"));
        }
        let records: u64 = lost.iter().map(|fate| fate["tally"]["records"].as_u64().unwrap()).sum();
        assert!(records < report["records"].as_u64().unwrap() / 10, "only the unlucky ones are lost");
        assert!(!gone.is_empty(), "{feature}");
        for (currency, (before, after)) in money(&report) {
            let gone = gone.get(&currency).cloned().unwrap_or_default();
            assert_eq!(&before - &after, gone, "{feature}: {currency}");
        }
        let told = stdout(&house.try_out(&file, &[]));
        assert!(told.contains("-> lost: PLG-205"), "{feature}: {told}");
    }
}

#[test]
fn plugin_try_prices_what_the_host_prices_by_the_rates_that_are_pinned() {
    let house = House::new();
    let (code, report) = house.report(&wrong("doubling"), &[]);
    assert_eq!(code, Some(BLOCKED), "twice the usage is not what came in");
    let cycles = report["diff"]["cycles"].as_array().unwrap();
    assert!(!cycles.is_empty() && cycles.iter().all(|cycle| cycle["cost"].is_array()), "{cycles:#?}");
    let sum = |side: &str| {
        let costs: Vec<Decimal> = cycles.iter().map(|cycle| decimal(&cycle["cost"][1][side])).collect();
        costs.iter().sum::<Decimal>()
    };
    let (before, after) = (sum("before"), sum("after"));
    assert!(after > &before + &before || after > before, "{before} {after}");
    // The cycles cost before what the ledger says that they do.
    let (mut given, exported) = (BTreeMap::new(), exported(&house));
    let (_, clean) = house.report(&PathBuf::from("microsoft-csp"), &[]);
    for (currency, (before, _)) in money(&clean) {
        given.insert(currency, before);
    }
    let tiered = &exported["EUR"] - &given["EUR"];
    assert_eq!(before, tiered);
}

#[test]
fn plugin_try_compares_the_days_that_are_asked_for_beside_a_server_and_writes_files() {
    let house = House::new();
    let server = house.world.serve(&house.data);
    let file = wrong("rounding");
    let (_, all) = house.report(&file, &[]);
    let (code, november) = house.report(&file, &["--from", "2026-11-01", "--to", "2026-12-01"]);
    let (_, before) = house.report(&file, &["--to", "2026-11-01"]);
    assert_eq!(code, Some(BLOCKED));
    let turned = |report: &Value| decimal(&report["diff"]["turnover"]["EUR"]);
    assert_eq!(turned(&all), &turned(&november) + &turned(&before));
    assert_ne!(all["digest"], november["digest"]);
    let (_, again) = house.report(&file, &[]);
    assert_eq!(all, again, "the same ledger and versions give the same report");

    let csv = house.data.path().join("diff.csv");
    let output = house.try_out(&file, &["--format", "csv", "--out", csv.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(BLOCKED));
    let mut rows = csv::Reader::from_path(&csv).unwrap();
    let kinds: Vec<String> = rows.records().map(|row| row.unwrap()[0].to_owned()).collect();
    let count = |kind: &str| kinds.iter().filter(|known| *known == kind).count();
    assert_eq!(count("changed"), all["diff"]["rows"].as_array().unwrap().len());
    assert!(count("verdict") == 1 && count("sum") > 0 && count("finding") > 0, "{kinds:?}");
    drop(server);

    for (args, code) in [
        (vec!["--account", "9"], "TRY-ACCOUNT"),
        (vec!["--from", "2026-11-02", "--to", "2026-11-02"], "TRY-PERIOD"),
    ] {
        let output = house.try_out(&file, &args);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(code), "{}", stderr(&output));
    }
}

#[test]
fn plugin_try_stands_before_activate_and_a_planted_fault_never_gets_to_work() {
    let house = House::new();
    let plugin = |args: &[&str]| house.world.purser(&house.data).arg("plugin").args(args).output().unwrap();
    let digest = |feature: &str| {
        let told = plugin(&["install", wrong(feature).to_str().unwrap()]);
        let first = stdout(&told).lines().next().unwrap_or_else(|| panic!("{}", stderr(&told))).to_owned();
        first.rsplit(' ').next().unwrap().to_owned()
    };
    for (fault, reason) in
        [("rounding", "TRY-AMOUNT"), ("references", "TRY-REFERENCE"), ("dropping", "TRY-DROPPED")]
    {
        let refused = plugin(&["activate", &digest(fault), "--confirm", &"0".repeat(64)]);
        assert_eq!(refused.status.code(), Some(BLOCKED), "{fault}: {}", stderr(&refused));
        assert!(stdout(&refused).starts_with("verdict: blocked\n") && stdout(&refused).contains("EUR"));
        let told = stderr(&refused);
        assert!(told.contains("PLG-312") && told.contains(reason), "{fault}: {told}");
    }
    let unconfirmed = plugin(&["activate", &digest("references"), "--accept-references"]);
    assert_eq!(unconfirmed.status.code(), Some(NEEDS_CONFIRMATION), "{}", stderr(&unconfirmed));
    let listed = stdout(&plugin(&["list"]));
    assert!(!listed.lines().any(|line| line.contains("wrong") && line.contains("active")), "{listed}");

    let clean = plugin(&["activate", &digest("words"), "--apply", "open"]);
    assert!(clean.status.success(), "{}", stderr(&clean));
    assert!(stdout(&clean).contains("maps again what is kept"), "{}", stdout(&clean));
    let back = plugin(&["rollback", "microsoft-csp"]);
    assert!(back.status.success(), "{}", stderr(&back));
}
