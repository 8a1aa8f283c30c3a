//! What is served adds up to the ledger, to the last digit; and the same seed serves the same bytes.

use std::collections::BTreeMap;

use purser_simulator::{Alter, Config, Faults};

use crate::client::{Sums, cloud, cloud_at, sums_of, total};

fn differences(ours: &Sums, theirs: &Sums) -> Vec<String> {
    let keys: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    keys.into_iter()
        .filter(|key| ours.get(*key) != theirs.get(*key))
        .map(|key| format!("{key:?}: {:?} but the ledger has {:?}", ours.get(key), theirs.get(key)))
        .collect()
}

#[tokio::test]
async fn two_daily_runs_hold_exactly_the_ledger() {
    for start in ["2026-11-23T18:00:00Z", "2026-12-03T18:00:00Z", "2027-01-01T18:00:00Z"] {
        let mut cloud = cloud_at(start, Config::default()).await;
        let (mut utilization, mut licences) = (BTreeMap::new(), Sums::new());
        let rated = cloud.run(&mut utilization, &mut licences).await;
        let first = cloud.simulator.ledger();
        assert_eq!(
            differences(&total(&utilization, &licences, &rated), &sums_of(&first)),
            Vec::<String>::new()
        );
        cloud.pass_hours(24);
        let rated = cloud.run(&mut utilization, &mut licences).await;
        let second = cloud.simulator.ledger();
        assert_eq!(
            differences(&total(&utilization, &licences, &rated), &sums_of(&second)),
            Vec::<String>::new()
        );
        assert!(second.lines.len() > first.lines.len());
        assert_eq!(second.currencies().keys().copied().collect::<Vec<_>>(), ["EUR", "USD"]);
    }
}

#[tokio::test]
async fn the_default_run_has_about_fifteen_hundred_records() {
    let cloud = cloud(Config::default()).await;
    cloud.run(&mut BTreeMap::new(), &mut Sums::new()).await;
    let ledger = cloud.simulator.ledger();
    let records = ["utilization", "rated-usage", "licences"].map(|feed| ledger.records(feed));
    assert!((1_300..1_600).contains(&records.iter().sum::<u64>()), "{records:?}");
}

#[tokio::test]
async fn without_late_usage_the_ledger_is_served_as_well() {
    let faults = Faults { late_usage: false, ..Faults::default() };
    let mut cloud = cloud(Config { faults, ..Config::default() }).await;
    let (mut utilization, mut licences) = (BTreeMap::new(), Sums::new());
    cloud.run(&mut utilization, &mut licences).await;
    cloud.pass_hours(24);
    let rated = cloud.run(&mut utilization, &mut licences).await;
    let ledger = sums_of(&cloud.simulator.ledger());
    assert_eq!(differences(&total(&utilization, &licences, &rated), &ledger), Vec::<String>::new());
}

#[tokio::test]
async fn what_vanishes_is_far_below_the_void_threshold() {
    let mut cloud = cloud(Config::default()).await;
    let (mut utilization, mut licences) = (BTreeMap::new(), Sums::new());
    let rated = cloud.run(&mut utilization, &mut licences).await;
    let before = utilization.clone();
    cloud.pass_hours(24);
    let rated_after = cloud.run(&mut utilization, &mut licences).await;
    let mut vanished = 0;
    for (partition, sums) in &before {
        let records = |sums: &Sums| sums.values().map(|s| s.2).sum::<u64>();
        let after = records(&utilization[partition]);
        assert!(records(sums) - after <= records(sums) / 10);
        vanished += records(sums) - after;
    }
    assert!(vanished > 0);
    let gone = rated.keys().filter(|key| !rated_after.contains_key(*key)).count();
    assert!(gone > 0 && gone * 10 < rated.len(), "{gone} of {}", rated.len());
    let restated = rated.iter().filter(|(key, sum)| rated_after.get(*key).is_some_and(|s| s != *sum)).count();
    assert!(restated > 0);
}

#[tokio::test]
async fn an_altered_line_differs_in_its_last_digit_and_a_dropped_one_is_missing() {
    for (alter, records) in [(Alter::ChangeLastDigit(5), 0), (Alter::DropLine(5), 1)] {
        let cloud = cloud(Config { alter, ..Config::default() }).await;
        let (mut utilization, mut licences) = (BTreeMap::new(), Sums::new());
        let rated = cloud.run(&mut utilization, &mut licences).await;
        let ledger = sums_of(&cloud.simulator.ledger());
        let ours = total(&utilization, &licences, &rated);
        assert_eq!(differences(&ours, &ledger).len(), 1, "{alter:?}");
        let held = |sums: &Sums| sums.values().map(|s| s.2).sum::<u64>();
        assert_eq!(held(&ledger) - held(&ours), records);
    }
}

#[tokio::test]
async fn every_line_can_be_altered() {
    for position in [0, 77, 400, 801, 1_400] {
        let cloud = cloud(Config { alter: Alter::ChangeLastDigit(position), ..Config::default() }).await;
        let (mut utilization, mut licences) = (BTreeMap::new(), Sums::new());
        let rated = cloud.run(&mut utilization, &mut licences).await;
        let found = differences(&total(&utilization, &licences, &rated), &sums_of(&cloud.simulator.ledger()));
        assert_eq!(found.len(), 1, "{position}: {found:?}");
    }
}

#[tokio::test]
async fn the_same_seed_and_clock_serve_the_same_bytes() {
    let paths = |customer: &str, usage: &str| {
        [
            "/v1/customers?size=3".to_owned(),
            format!("/v1/customers/{customer}/subscriptions"),
            format!(
                "/v1/customers/{customer}/subscriptions/{usage}/utilizations/azure?start_time=2026-11-20T00:00:00Z&end_time=2026-11-23T00:00:00Z&size=11"
            ),
            "/v1/ratecards/azure?currency=EUR&region=NL".to_owned(),
        ]
    };
    let mut seen = Vec::new();
    for seed in [7, 7, 8] {
        let cloud = cloud(Config { seed, ..Config::default() }).await;
        let customer = cloud.customers().await[0]["id"].as_str().unwrap().to_owned();
        let usage = cloud.subscriptions(&customer).await[0]["id"].as_str().unwrap().to_owned();
        let mut bodies = Vec::new();
        for path in paths(&customer, &usage) {
            bodies.push(cloud.ask(&path, &[("X-Locale", "nl-NL")]).await.2);
        }
        let manifest = cloud.export("EUR", "current").await.unwrap();
        seen.push((bodies, cloud.lines(&manifest).await));
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}

#[tokio::test]
async fn another_process_reads_ledger_and_requests_and_sets_faults() {
    let cloud = cloud(Config::default()).await;
    cloud.customers().await;
    let url = |path: &str| format!("http://{}/_simulator/{path}", cloud.simulator.addr());
    let requests: serde_json::Value =
        cloud.http.get(url("requests")).send().await.unwrap().json().await.unwrap();
    assert_eq!(requests.as_array().unwrap().len(), 3);
    assert_eq!(requests[0]["path_and_query"], "/partner-center/v1/customers?size=3");
    let ledger: serde_json::Value = cloud.http.get(url("ledger")).send().await.unwrap().json().await.unwrap();
    assert_eq!(ledger["lines"].as_array().unwrap().len(), cloud.simulator.ledger().lines.len());
    assert!(ledger["lines"][0]["quantity"].is_string());
    let put = |body: &'static str| cloud.http.put(url("faults")).body(body).send();
    assert_eq!(put("role_missing = true").await.unwrap().status(), 204);
    assert_eq!(cloud.ask("/v1/customers", &[]).await.0, 403);
    let wrong = put("role_mising = true").await.unwrap();
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("role_missing"));
}

#[tokio::test]
async fn shutting_down_closes_the_listener() {
    let cloud = cloud(Config::default()).await;
    let addr = cloud.simulator.addr();
    cloud.simulator.shutdown().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}
