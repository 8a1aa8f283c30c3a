//! Each fault does what its name says.

use std::io::Read;
use std::time::Instant;

use purser_simulator::{Action, Config, Faults, Rule};
use serde_json::{Value, json};

use crate::client::{Cloud, blob_url, cloud, items};

async fn with(rule: Rule) -> Cloud {
    cloud(Config { faults: Faults::default().with(rule), ..Config::default() }).await
}

const PATH: &str = "/v1/customers?size=2";

#[tokio::test]
async fn rules_act_on_the_requests_they_name() {
    let status =
        Action::Status { status: 503, body: "{}".into(), headers: [("x-a".into(), "b".into())].into() };
    let cloud = with(Rule::new("/customers?", status).first(2)).await;
    assert_eq!(cloud.ask("/v1/invoices", &[]).await.0, 200);
    let (status, headers, _) = cloud.ask(PATH, &[]).await;
    assert_eq!((status.as_u16(), headers["x-a"].to_str().unwrap()), (503, "b"));
    assert_eq!(cloud.ask(PATH, &[]).await.0, 503);
    assert_eq!(cloud.ask(PATH, &[]).await.0, 200);
    let log: Vec<_> = cloud.simulator.requests().iter().map(|r| r.status).collect();
    assert_eq!(log, [200, 503, 503, 200]);
}

#[tokio::test]
async fn rules_may_count_each_path_of_its_own() {
    let cloud = with(Rule::new("/customers", Action::NotJson {}).first(1).each_path()).await;
    for path in ["/v1/customers?size=1", "/v1/customers?size=2"] {
        assert!(cloud.ask(path, &[]).await.2.starts_with(b"<html>"));
        assert!(cloud.ask(path, &[]).await.2.starts_with(b"{"));
    }
}

#[tokio::test]
async fn throttling_has_its_header_as_seconds_as_a_date_or_not_at_all() {
    let throttle = |retry_after, as_date, text| Action::Throttle { retry_after, as_date, text };
    let cloud = with(Rule::new("", throttle(Some(57), false, false))).await;
    let (status, headers, body) = cloud.ask(PATH, &[]).await;
    assert_eq!((status.as_u16(), headers["retry-after"].to_str().unwrap()), (429, "57"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["statusCode"] == 429 && body["message"].as_str().unwrap().contains("57 seconds"));
    cloud.simulator.set_faults(Faults::default().with(Rule::new("", throttle(Some(60), true, false))));
    assert_eq!(
        cloud.ask(PATH, &[]).await.1["retry-after"].to_str().unwrap(),
        "Mon, 23 Nov 2026 18:01:00 GMT"
    );
    cloud.simulator.set_faults(Faults::default().with(Rule::new("", throttle(None, false, true))));
    let (_, headers, body) = cloud.ask(PATH, &[]).await;
    assert!(headers.get("retry-after").is_none() && body.ends_with(b"1 seconds."));
}

#[tokio::test]
async fn answers_are_slow_empty_or_cut_off() {
    let cloud = with(Rule::new("", Action::Slow { ms: 80 })).await;
    let start = Instant::now();
    assert_eq!(cloud.ask(PATH, &[]).await.0, 200);
    assert!(start.elapsed().as_millis() >= 80);
    cloud.simulator.set_faults(Faults::default().with(Rule::new("", Action::Empty { retry_after: Some(1) })));
    assert_eq!(cloud.ask(PATH, &[]).await.0, 204);
    cloud.simulator.set_faults(Faults::default().with(Rule::new("", Action::CutOff { keep: 50 })));
    let url = format!("{}{PATH}", cloud.simulator.public_base_urls().partner_center);
    let answer = cloud.http.get(url).bearer_auth(&cloud.grant.partner_center).send().await.unwrap();
    assert!(answer.content_length().unwrap() > 100);
    assert!(answer.bytes().await.is_err(), "the connection is closed in the middle");
}

#[tokio::test]
async fn a_blob_is_cut_off_or_its_gzip_too_short() {
    let cloud = with(Rule::new("/blobs/", Action::CutOff { keep: 40 }).first(1)).await;
    let manifest = cloud.export("EUR", "current").await.unwrap();
    let url = blob_url(&manifest, &manifest["blobs"][0]);
    assert!(cloud.http.get(&url).send().await.unwrap().bytes().await.is_err());
    let whole = cloud.http.get(&url).send().await.unwrap().bytes().await.unwrap();
    cloud.simulator.set_faults(Faults::default().with(Rule::new("/blobs/", Action::Truncate { keep: 40 })));
    let short = cloud.http.get(&url).send().await.unwrap().bytes().await.unwrap();
    assert!(short.len() < whole.len());
    let mut text = String::new();
    assert!(flate2::read::GzDecoder::new(short.as_ref()).read_to_string(&mut text).is_err());
}

#[tokio::test]
async fn fields_change_and_other_digits_stay() {
    let change = |pointer: &str, value| Action::ChangeField { pointer: pointer.into(), value };
    let cloud = with(Rule::new("/v1/customers?", change("/items/0/id", json!(7)))).await;
    assert_eq!(cloud.customers().await[0]["id"], 7);
    cloud.simulator.set_faults(Faults::default());
    let manifest = cloud.export("EUR", "current").await.unwrap();
    let before = cloud.lines(&manifest).await;
    cloud.simulator.set_faults(
        Faults::default().with(Rule::new("/blobs/", change("/3/Quantity", json!("many"))).nth(1)),
    );
    let after = cloud.lines(&manifest).await;
    assert_eq!(after.len(), before.len());
    assert!(after[3].contains("\"Quantity\":\"many\""));
    assert_eq!(after[3].split("\"Quantity\"").next(), before[3].split("\"Quantity\"").next());
    assert_eq!(after[4], before[4]);
    let remove = Action::RemoveField { pointer: "/items/1/companyProfile".into() };
    cloud.simulator.set_faults(Faults::default().with(Rule::new("/v1/customers?", remove).nth(1)));
    assert!(cloud.customers().await[1].get("companyProfile").is_none());
}

#[tokio::test]
async fn errors_come_in_five_shapes() {
    let cloud = cloud(Config::default()).await;
    let mut seen = Vec::new();
    for shape in 1..=5 {
        let error = Action::Error { shape, status: 500, code: "800003".into(), message: "Boom".into() };
        cloud.simulator.set_faults(Faults::default().with(Rule::new("", error)));
        let (status, _, body) = cloud.ask(PATH, &[]).await;
        assert_eq!(status, 500);
        seen.push(serde_json::from_slice::<Value>(&body).unwrap_or(Value::Null));
    }
    assert_eq!(seen[0]["code"], "800003");
    assert_eq!(seen[1]["statusCode"], 500);
    assert_eq!(seen[2]["error"]["innerError"]["code"], "800003");
    assert_eq!(seen[3]["error_codes"][0], 800_003);
    assert_eq!(seen[4], Value::Null);
}

#[tokio::test]
async fn nothing_and_no_data_are_not_the_same() {
    let cloud =
        cloud(Config { faults: Faults { vanish_all: true, ..Faults::default() }, ..Config::default() }).await;
    assert!(cloud.customers().await.is_empty());
    let manifest = cloud.export("EUR", "current").await.unwrap();
    assert!(cloud.lines(&manifest).await.is_empty());
    cloud.simulator.set_faults(Faults { no_data: true, ..Faults::default() });
    assert!(cloud.export("EUR", "current").await.is_none());
}

#[tokio::test]
async fn a_repeated_page_has_the_first_ones_items() {
    let cloud =
        cloud(Config { faults: Faults { repeated_page: true, ..Faults::default() }, ..Config::default() })
            .await;
    let customer = cloud.customers().await[0]["id"].as_str().unwrap().to_owned();
    let usage = cloud.subscriptions(&customer).await[0]["id"].as_str().unwrap().to_owned();
    let day = cloud.today().yesterday().unwrap();
    let pages = cloud.utilization(&customer, &usage, day, 10).await;
    assert_eq!(pages.len(), 2);
    assert_eq!(items(&pages[..1]), items(&pages[1..]));
}

#[tokio::test]
async fn every_answer_waits_the_latency() {
    let latency = std::time::Duration::from_millis(60);
    let cloud = cloud(Config { latency, ..Config::default() }).await;
    let start = Instant::now();
    cloud.ask(PATH, &[]).await;
    assert!(start.elapsed() >= latency);
}
