//! What is asked, page after page, and what stops it.

use purser_plugin_sdk::crawl::{Request, Target};
use purser_plugin_sdk::types::Problem;
use serde_json::json;

use crate::support::*;

fn legacy(customer: &str) -> serde_json::Value {
    json!({ "customer": customer, "kind": "legacy-azure", "status": "active" })
}

fn page_with_token(token: &str) -> String {
    json!({ "totalCount": 2, "items": [], "links": { "next": {
        "uri": "/invoices?size=2?seekOperation=Next", "method": "GET",
        "headers": [{ "key": "MS-ContinuationToken", "value": token }]
    } } })
    .to_string()
}

/// The first look at an export that was ordered.
pub fn ordered_export() -> Request {
    let order = &start(&run(), "rated-usage", &[])[0];
    assert_eq!(call(order).0, "usage-export");
    let location = "https://graph.example/v1.0/reports/partners/billing/operations/6fe687d7?x=/y";
    next("rated-usage", order, &answer_with(202, ("Location", location), "")).unwrap().requests.remove(0)
}

pub fn manifest(parts: &[&str], count: usize, etag: &str) -> String {
    let blobs: Vec<_> =
        parts.iter().map(|name| json!({ "name": name, "partitionValue": "default" })).collect();
    json!({ "id": "m1", "schemaVersion": 1, "dataFormat": "compressedJSONLines", "eTag": etag, "blobCount": count,
        "rootDirectory": "https://x.blob.example/root/", "sasToken": "?sig=1", "blobs": blobs })
    .to_string()
}

pub fn url(request: &Request) -> &str {
    let Target::Absolute(url) = &request.target else { panic!("no download: {request:?}") };
    url
}

#[test]
fn customers_are_paged_by_token_and_the_uri_is_never_replayed() {
    let first = &start(&run(), "customers", &[])[0];
    assert_eq!(call(first), ("customers", vec![], vec![("size", "500")]));
    let second = next("customers", first, &answer(200, &page_with_token("A="))).unwrap().requests.remove(0);
    assert_eq!(call(&second), ("customers", vec![], vec![("size", "500"), ("seekOperation", "Next")]));
    assert!(second.headers.iter().any(|h| h.name == "ms-continuationtoken" && h.value == "A="));
    let third = next("customers", &second, &answer(200, &page_with_token("B="))).unwrap().requests.remove(0);
    assert_eq!(third.headers.iter().filter(|h| h.name == "ms-continuationtoken").count(), 1);
    assert_eq!(third.partition, first.partition);
    let last = next("customers", &third, &answer(200, r#"{"totalCount":2,"items":[],"links":{"self":{}}}"#))
        .unwrap();
    assert!(last.requests.is_empty() && last.incomplete.is_none());
}

#[test]
fn a_token_at_the_top_of_the_answer_counts_as_well() {
    let first = &start(&run(), "customers", &[])[0];
    let step = next("customers", first, &answer(200, r#"{"items":[],"continuationToken":"T"}"#)).unwrap();
    assert!(step.requests[0].headers.iter().any(|h| h.value == "T"));
}

#[test]
fn a_repeated_token_ends_the_paging_incomplete() {
    let mut request = start(&run(), "customers", &[]).remove(0);
    for token in ["A", "B"] {
        request =
            next("customers", &request, &answer(200, &page_with_token(token))).unwrap().requests.remove(0);
    }
    let step = next("customers", &request, &answer(200, &page_with_token("A"))).unwrap();
    assert!(step.requests.is_empty());
    assert!(step.incomplete.unwrap().words().starts_with("CSP-405"));
}

#[test]
fn a_next_link_without_a_token_is_no_end() {
    let request = &start(&run(), "customers", &[])[0];
    let step =
        next("customers", request, &answer(200, r#"{"items":[],"links":{"next":{"uri":"x","headers":[]}}}"#))
            .unwrap();
    assert!(step.incomplete.unwrap().words().starts_with("CSP-405"));
}

#[test]
fn each_resold_customer_is_one_partition_of_the_local_date() {
    let customers = [
        fact("customer", "c1", &json!({ "name": "A", "relationship": "reseller" })),
        fact("customer", "c2", &json!({ "name": "B", "relationship": "Advisor" })),
        fact("customer", "c3", &json!({ "name": "C" })),
    ];
    let requests = start(&run(), "licences", &customers);
    assert_eq!(requests.iter().map(partition_key).collect::<Vec<_>>(), ["c1/2026-11-23", "c3/2026-11-23"]);
    assert_eq!(call(&requests[0]), ("subscriptions", vec![("customer", "c1")], vec![]));
    assert!(next("licences", &requests[0], &answer(200, "{}")).unwrap().requests.is_empty());
}

#[test]
fn utilization_is_asked_for_legacy_azure_by_whole_reported_days_that_are_over() {
    let subscriptions = [
        fact("subscription", "s1", &legacy("c1")),
        fact("subscription", "s2", &json!({ "customer": "c1", "kind": "azure-plan", "status": "active" })),
        fact("subscription", "s3", &json!({ "customer": "c1", "kind": "legacy-azure", "status": "pending" })),
        fact("subscription", "s4", &json!({ "customer": "c2", "kind": "legacy-azure", "status": "deleted" })),
    ];
    let requests = start(&run(), "utilization", &subscriptions);
    let keys: Vec<_> = requests.iter().map(partition_key).collect();
    // The window's last day, the run's own, is not over.
    let expected = [
        "s1/2026-11-20",
        "s1/2026-11-21",
        "s1/2026-11-22",
        "s4/2026-11-20",
        "s4/2026-11-21",
        "s4/2026-11-22",
    ];
    assert_eq!(keys, expected);
    let (name, path, query) = call(&requests[0]);
    assert_eq!((name, path), ("utilization", vec![("customer", "c1"), ("subscription", "s1")]));
    assert_eq!(query[..2], [("start_time", "2026-11-20T00:00:00Z"), ("end_time", "2026-11-21T00:00:00Z")]);
    assert_eq!(query[2..], [("granularity", "daily"), ("show_details", "true"), ("size", "1000")]);
}

#[test]
fn utilization_keeps_its_window_on_follow_pages_with_its_own_spelling_of_seek() {
    let request = &start(&run(), "utilization", &[fact("subscription", "s1", &legacy("c1"))])[0];
    let step = next("utilization", request, &answer(200, &page_with_token("A"))).unwrap();
    let (_, _, query) = call(&step.requests[0]);
    assert_eq!(query[0], ("start_time", "2026-11-20T00:00:00Z"));
    assert_eq!(query[5], ("seek_operation", "Next"));
}

#[test]
fn usage_that_is_not_ready_is_waited_for_and_then_incomplete_never_empty() {
    let request = &start(&run(), "utilization", &[fact("subscription", "s1", &legacy("c1"))])[0];
    let early = answer_with(204, ("Retry-After", "30"), "");
    assert_eq!(next("utilization", request, &early), Err(Problem::RetryLater(30)));
    assert_eq!(next("utilization", request, &answer(204, "")), Err(Problem::RetryLater(60)));
    let mut last = early;
    last.attempt = 6;
    assert!(next("utilization", request, &last).unwrap().incomplete.unwrap().words().starts_with("CSP-401"));
}

#[test]
fn an_export_is_polled_as_long_as_the_vendor_says() {
    let poll = ordered_export();
    assert_eq!(call(&poll), ("export-operation", vec![("operation", "6fe687d7")], vec![]));
    for status in ["notStarted", "Running", "somethingNew"] {
        let body = json!({ "id": "6fe687d7", "status": status }).to_string();
        let again = next("rated-usage", &poll, &answer_with(200, ("retry-after", "3"), &body)).unwrap();
        assert_eq!(
            (again.requests[0].delay, again.requests[0].target.clone()),
            (3, poll.target.clone()),
            "{status}"
        );
    }
    let by_default = next("rated-usage", &poll, &answer(200, r#"{"status":"running"}"#)).unwrap();
    assert_eq!(by_default.requests[0].delay, 20);
}

#[test]
fn an_export_that_never_ends_is_given_up() {
    let mut poll = ordered_export();
    let mut looks = 0;
    loop {
        looks += 1;
        let step = next("rated-usage", &poll, &answer(200, r#"{"status":"running"}"#)).unwrap();
        match step.incomplete {
            Some(reason) => break assert!(reason.words().starts_with("CSP-404") && looks == 720, "{looks}"),
            None => poll = step.requests.into_iter().next().unwrap(),
        }
    }
}

#[test]
fn an_inline_manifest_leads_to_its_blobs_as_well() {
    let poll = ordered_export();
    let inline: serde_json::Value = serde_json::from_str(&manifest(&["a.gz", "b.gz"], 2, "e")).unwrap();
    let body = json!({ "status": "completed", "resourceLocation": inline }).to_string();
    let step = next("rated-usage", &poll, &answer(200, &body)).unwrap();
    let urls: Vec<_> = step.requests.iter().map(url).collect();
    assert_eq!(urls, ["https://x.blob.example/root/a.gz?sig=1", "https://x.blob.example/root/b.gz?sig=1"]);
    assert!(step.requests.iter().all(|blob| partition_key(blob) == partition_key(&poll)));
    let done = next("rated-usage", &step.requests[0], &answer(200, "")).unwrap();
    assert!(done.requests.is_empty() && done.incomplete.is_none());
}

#[test]
fn a_manifest_that_does_not_add_up_is_incomplete() {
    let poll = ordered_export();
    for (text, code) in [
        (manifest(&[], 0, "e"), "CSP-406"),
        (manifest(&["a.gz"], 2, "e"), "CSP-406"),
        (manifest(&["a.gz", ""], 2, "e"), "CSP-406"),
        (manifest(&["a.gz"], 1, "e").replace("compressedJSONLines", "parquet"), "CSP-407"),
        (manifest(&["a.gz"], 1, "e").replace("https://x.blob.example/root/", ""), "CSP-406"),
    ] {
        let body = format!(r#"{{"status":"succeeded","resourceLocation":{text}}}"#);
        let step = next("rated-usage", &poll, &answer(200, &body)).unwrap();
        assert!(step.requests.is_empty());
        assert!(step.incomplete.unwrap().words().starts_with(code), "{text}");
    }
}

#[test]
fn a_blob_whose_address_has_run_out_is_asked_for_once_more() {
    let poll = ordered_export();
    let body =
        format!(r#"{{"status":"succeeded","resourceLocation":{}}}"#, manifest(&["a.gz", "b.gz"], 2, "e1"));
    let blob = next("rated-usage", &poll, &answer(200, &body)).unwrap().requests.remove(1);
    let again = next("rated-usage", &blob, &answer(403, "<Error/>")).unwrap().requests.remove(0);
    assert_eq!(call(&again), ("export-manifest", vec![("manifest", "m1")], vec![]));
    let fresh = manifest(&["a.gz", "b.gz"], 2, "e1").replace("sig=1", "sig=2");
    let second = next("rated-usage", &again, &answer(200, &fresh)).unwrap().requests;
    assert_eq!(second.iter().map(url).collect::<Vec<_>>(), ["https://x.blob.example/root/b.gz?sig=2"]);
    let given_up = next("rated-usage", &second[0], &answer(403, "")).unwrap();
    assert!(given_up.incomplete.unwrap().words().starts_with("CSP-409"));
    let changed = next("rated-usage", &again, &answer(200, &manifest(&["b.gz"], 1, "e2"))).unwrap();
    assert!(changed.requests.is_empty() && changed.incomplete.unwrap().words().starts_with("CSP-408"));
}

#[test]
fn a_failed_export_is_ordered_once_more() {
    let poll = ordered_export();
    let failed =
        json!({ "status": "failed", "error": { "code": "5001", "message": "internal" } }).to_string();
    let order = next("rated-usage", &poll, &answer(200, &failed)).unwrap().requests.remove(0);
    assert_eq!((call(&order).0, order.delay), ("usage-export", 20));
    let second = next("rated-usage", &order, &answer_with(202, ("Location", "x/operations/2"), ""))
        .unwrap()
        .requests
        .remove(0);
    let step = next("rated-usage", &second, &answer(200, &failed)).unwrap();
    assert!(step.incomplete.unwrap().words().starts_with("CSP-403"));
}

#[test]
fn the_rate_card_is_asked_in_the_accounts_language_and_in_english() {
    let requests = start(&run(), "rate-card", &[]);
    assert_eq!(requests.iter().map(partition_key).collect::<Vec<_>>(), ["NL/EUR/nl-NL", "NL/EUR/en-US"]);
    for (request, locale) in requests.iter().zip(["nl-NL", "en-US"]) {
        assert_eq!(call(request).2, [("currency", "EUR"), ("region", "NL")]);
        assert!(request.headers.iter().any(|h| h.name == "x-locale" && h.value == locale));
    }
    let mut english = run();
    english.locale = "en-us".into();
    assert_eq!(start(&english, "rate-card", &[]).len(), 1);
    let envelope =
        r#"{"currency":"EUR","meters":[],"offerTerms":[{"name":"Overage discount","discount":0.150}]}"#;
    let step = next("rate-card", &requests[0], &answer(200, envelope)).unwrap();
    assert_eq!(
        (step.facts[0].key.as_str(), step.facts[0].value.as_str()),
        ("NL/EUR", r#"[{"name":"Overage discount","discount":0.150}]"#)
    );
}

#[test]
fn every_request_keeps_to_the_descriptor() {
    use purser_plugin_sdk::Connector;
    let descriptor = purser_microsoft_csp::MicrosoftCsp::describe();
    let customers = [fact("customer", "c1", &json!({}))];
    let subscriptions = [fact("subscription", "s1", &legacy("c1"))];
    let products = [fact("product", "p:s", &json!({ "product": "P", "sku": "S" }))];
    let mut requests = vec![ordered_export()];
    for (feed, facts) in [
        ("customers", &[][..]),
        ("licences", &customers),
        ("utilization", &subscriptions),
        ("rated-usage", &[]),
        ("reconciliation", &[]),
        ("invoices", &[]),
        ("catalogue", &products),
        ("rate-card", &[]),
    ] {
        for request in start(&run(), feed, facts) {
            if feed == "customers" || feed == "utilization" {
                requests.extend(next(feed, &request, &answer(200, &page_with_token("T"))).unwrap().requests);
            }
            requests.push(request);
        }
    }
    for request in &requests {
        let (name, path, query) = call(request);
        let listed = descriptor.calls.iter().find(|call| call.name == name).unwrap();
        assert!(query.iter().all(|(name, _)| listed.query.iter().any(|q| q == name)), "{name}: {query:?}");
        assert!(
            request.headers.iter().all(|h| listed.headers.contains(&h.name)),
            "{name}: {:?}",
            request.headers
        );
        let filled = path
            .iter()
            .fold(listed.path.clone(), |p, (name, value)| p.replace(&format!("{{{name}}}"), value));
        assert!(!filled.contains('{'), "{filled}");
    }
}
