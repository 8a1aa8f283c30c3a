//! Who may call what, and requests that are wrong.

use purser_simulator::{Config, Faults};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Cloud, blob_url, cloud};

async fn code(cloud: &Cloud, path: &str) -> (u16, String) {
    let (status, _, body) = cloud.ask(path, &[]).await;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status.as_u16(), body["code"].as_str().unwrap_or("").to_owned())
}

async fn export_status(cloud: &Cloud) -> u16 {
    let base = cloud.simulator.public_base_urls().graph;
    let url = format!("{base}/v1.0/reports/partners/billing/usage/unbilled/export");
    let order = json!({ "currencyCode": "EUR", "billingPeriod": "current" });
    cloud.graph(Method::POST, &url, Some(order)).await.0.as_u16()
}

#[tokio::test]
async fn roles_open_what_the_vendor_opens() {
    let mut cloud = cloud(Config::default()).await;
    let customer = cloud.customers().await[0]["id"].as_str().unwrap().to_owned();
    let usage = cloud.subscriptions(&customer).await[0]["id"].as_str().unwrap().to_owned();
    let utilization = format!(
        "/v1/customers/{customer}/subscriptions/{usage}/utilizations/azure?start_time=2026-11-20T00:00:00Z&end_time=2026-11-21T00:00:00Z"
    );
    let cases = [
        ("service", [200, 200, 200, 200, 202]),
        ("billing", [200, 200, 200, 200, 202]),
        ("global", [200, 403, 403, 200, 403]),
        ("norole", [403, 403, 403, 403, 403]),
        ("nomfa", [401, 401, 401, 401, 202]),
        ("guest", [403, 403, 403, 403, 403]),
    ];
    for (user, expected) in cases {
        cloud.grant = cloud.simulator.grant(user).unwrap();
        let seen = [
            code(&cloud, "/v1/customers?size=1").await.0,
            code(&cloud, "/v1/invoices?size=1").await.0,
            code(&cloud, &utilization).await.0,
            code(&cloud, "/v1/ratecards/azure?currency=EUR&region=NL").await.0,
            export_status(&cloud).await,
        ];
        assert_eq!(seen, expected, "{user}");
    }
}

#[tokio::test]
async fn tokens_are_for_one_audience_and_show_mfa() {
    let mut cloud = cloud(Config::default()).await;
    let service = cloud.grant.clone();
    cloud.grant.partner_center = service.graph.clone();
    assert_eq!(code(&cloud, "/v1/customers").await, (401, "900420".into()));
    cloud.grant.partner_center = "made-up".into();
    assert_eq!(code(&cloud, "/v1/customers").await, (401, "800001".into()));
    cloud.grant.graph = service.partner_center.clone();
    assert_eq!(export_status(&cloud).await, 401);
    cloud.grant = cloud.simulator.grant("nomfa").unwrap();
    let (status, headers, body) = cloud.ask("/v1/customers?size=1", &[("ValidateMfa", "true")]).await;
    assert_eq!((status, headers["ismfacompliant"].to_str().unwrap()), (StatusCode::UNAUTHORIZED, "false"));
    assert!(String::from_utf8_lossy(&body).contains("900421"));
    cloud.grant = service;
    let (_, headers, _) = cloud.ask("/v1/customers?size=1", &[("ValidateMfa", "true")]).await;
    assert_eq!(headers["ismfacompliant"].to_str().unwrap(), "true");
    assert!(cloud.ask("/v1/customers?size=1", &[]).await.1.get("ismfacompliant").is_none());
}

#[tokio::test]
async fn access_tokens_expire() {
    let mut cloud = cloud(Config::default()).await;
    let old = cloud.grant.clone();
    cloud.pass_hours(2);
    cloud.grant = old;
    assert_eq!(code(&cloud, "/v1/customers").await, (401, "800001".into()));
}

#[tokio::test]
async fn switches_take_roles_and_mfa_away() {
    let cloud =
        cloud(Config { faults: Faults { role_missing: true, ..Faults::default() }, ..Config::default() })
            .await;
    assert_eq!(code(&cloud, "/v1/customers").await, (403, "2032".into()));
    assert_eq!(code(&cloud, "/v1/ratecards/azure?currency=EUR&region=NL").await, (403, "800043".into()));
    assert_eq!(export_status(&cloud).await, 403);
    cloud.simulator.set_faults(Faults { mfa_missing: true, ..Faults::default() });
    assert_eq!(code(&cloud, "/v1/customers").await, (401, "900421".into()));
}

#[tokio::test]
async fn wrong_requests_have_the_vendors_codes() {
    let cloud = cloud(Config::default()).await;
    let customer = cloud.customers().await[0]["id"].as_str().unwrap().to_owned();
    let subscriptions = cloud.subscriptions(&customer).await;
    let id = |index: usize| subscriptions[index]["id"].as_str().unwrap().to_owned();
    let at = |s: &str, query: &str| {
        format!("/v1/customers/{customer}/subscriptions/{s}/utilizations/azure?{query}")
    };
    let window = "start_time=2026-11-20T00:00:00Z&end_time=2026-11-21T00:00:00Z";
    let cases = [
        (at(&id(0), "start_time=2026-11-20T00:00:00+00:00&end_time=2026-11-21T00:00:00Z"), 400, "2001"),
        (at(&id(0), "end_time=2026-11-21T00:00:00Z"), 400, "2001"),
        (at(&id(0), &format!("{window}&size=1001")), 400, "3000"),
        (at(&id(0), &format!("{window}&size=0")), 400, "3000"),
        (at(&id(0), &format!("{window}&granularity=weekly")), 400, "3000"),
        (at(&id(0), &format!("{window}&seek_operation=Next")), 400, "3000"),
        (at(&id(1), window), 404, "20003"),
        (format!("/v1/customers/{}/subscriptions", cloud.simulator.tenant()), 404, "60003"),
        ("/v1/customers?size=3?seekOperation=Next".into(), 400, "3000"),
        ("/v1/ratecards/azure?currency=EUR".into(), 400, "3000"),
        ("/v1/ratecards/azure?currency=QQQ&region=NL".into(), 400, "3000"),
    ];
    for (path, status, expected) in cases {
        assert_eq!(code(&cloud, &path).await, (status, expected.into()), "{path}");
    }
}

#[tokio::test]
async fn exports_check_their_order() {
    let cloud = cloud(Config::default()).await;
    let base = cloud.simulator.public_base_urls().graph;
    let url = format!("{base}/v1.0/reports/partners/billing/usage/unbilled/export");
    for order in [
        json!({ "currencyCode": "EUR", "billingPeriod": "previous" }),
        json!({ "currencyCode": "EUR", "billingPeriod": "current", "attributeSet": "everything" }),
        json!({ "billingPeriod": "current" }),
    ] {
        let (status, _, body) = cloud.graph(Method::POST, &url, Some(order)).await;
        assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::BAD_REQUEST, Some("BadRequest")));
    }
    assert!(cloud.export("GBP", "current").await.is_none(), "no data in this currency");
    assert!(cloud.export("EUR", "last").await.is_none(), "no data in this month");
}

#[tokio::test]
async fn blobs_need_the_signature_and_no_token() {
    let mut cloud = cloud(Config::default()).await;
    let manifest = cloud.export("EUR", "current").await.unwrap();
    let url = blob_url(&manifest, &manifest["blobs"][0]);
    let status = async |url: &str| cloud.http.get(url).send().await.unwrap().status().as_u16();
    assert_eq!(status(&url).await, 200);
    assert_eq!(cloud.http.get(&url).bearer_auth(&cloud.grant.graph).send().await.unwrap().status(), 400);
    assert_eq!(status(url.split('?').next().unwrap()).await, 403);
    assert_eq!(status(&url.replace("sig=", "sig=0")).await, 403);
    assert_eq!(status(&url.replace("/full/", "/basic/")).await, 403);
    cloud.pass_hours(13);
    assert_eq!(cloud.http.get(&url).send().await.unwrap().status(), 403, "the signature has expired");
}
