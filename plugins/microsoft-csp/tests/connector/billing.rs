//! Which months are read unbilled, which billed, and what a month with several invoices waits for.

use purser_plugin_sdk::crawl::{Request, Step};
use purser_plugin_sdk::types::RunContext;
use serde_json::json;

use crate::crawl::{manifest, url};
use crate::support::*;

const FEEDS: [(&str, &str, &str); 2] = [
    ("rated-usage", "usage-export", "billed-usage-export"),
    ("reconciliation", "reconciliation-export", "billed-reconciliation-export"),
];

fn invoice(id: &str, currency: &str, month: &str) -> serde_json::Value {
    json!({ "id": id, "invoiceDate": "2026-11-08T00:00:00Z", "billingPeriodStartDate": format!("{month}-01T00:00:00Z"),
        "currencyCode": currency, "documentType": "invoice", "invoiceType": "OneTime" })
}

fn list(documents: &[serde_json::Value]) -> String {
    json!({ "totalCount": documents.len(), "items": documents, "links": { "self": {} } }).to_string()
}

/// The list's request, which stands behind the exports of the current month.
fn list_request(context: &RunContext, feed: &str) -> Request {
    let request = start(context, feed, &[]).pop().unwrap();
    assert_eq!(call(&request).0, "invoices");
    request
}

fn listed(feed: &str, documents: &[serde_json::Value]) -> Step {
    next(feed, &list_request(&run(), feed), &answer(200, &list(documents))).unwrap()
}

fn keys(step: &Step) -> Vec<&str> {
    step.requests.iter().map(partition_key).collect()
}

fn body(request: &Request) -> serde_json::Value {
    serde_json::from_str(request.body.as_ref().unwrap()).unwrap()
}

/// Takes an export from its order to its manifest's answer.
fn exported(feed: &str, order: &Request, parts: &[&str], etag: &str) -> Step {
    let poll =
        next(feed, order, &answer_with(202, ("Location", "x/operations/1"), "")).unwrap().requests.remove(0);
    let ended =
        r#"{"status":"succeeded","resourceLocation@odata.navigationLink":"https://g.example/manifests/m1"}"#;
    let read = next(feed, &poll, &answer(200, ended)).unwrap().requests.remove(0);
    assert_eq!(call(&read).0, "export-manifest");
    next(feed, &read, &answer(200, &manifest(parts, parts.len(), etag))).unwrap()
}

#[test]
fn the_current_month_is_read_unbilled_for_each_currency_beside_the_list_of_invoices() {
    for (feed, unbilled, _) in FEEDS {
        let requests = start(&run(), feed, &[]);
        assert_eq!(
            requests.iter().map(|request| call(request).0).collect::<Vec<_>>(),
            [unbilled, unbilled, "invoices"]
        );
        let keys: Vec<_> = requests[..2].iter().map(partition_key).collect();
        assert_eq!(keys, ["EUR/2026-11/unbilled", "USD/2026-11/unbilled"]);
        let expected = json!({ "currencyCode": "EUR", "billingPeriod": "current", "attributeSet": "full" });
        assert_eq!(body(&requests[0]), expected);
        let list = &requests[2];
        assert!(list.partition.is_none() && list.keep.is_none());
        let filter = call(list).2.iter().find(|(name, _)| *name == "filter").unwrap().1.to_owned();
        let filter: serde_json::Value = serde_json::from_str(&filter).unwrap();
        assert_eq!(
            filter,
            json!({ "Field": "InvoiceDate", "Value": "2026-10-01", "Operator": "greater_than_or_equals" })
        );
    }
    let mut china = run();
    china.cloud = "china".into();
    assert!(start(&china, "reconciliation", &[]).is_empty());
    assert_eq!(start(&china, "invoices", &[]).len(), 1, "the list of invoices is everywhere");
}

#[test]
fn the_last_month_is_read_unbilled_until_its_invoice_is_out_whatever_the_day() {
    for (feed, unbilled, billed) in FEEDS {
        let step = listed(feed, &[]);
        assert_eq!(keys(&step), ["EUR/2026-10/unbilled", "USD/2026-10/unbilled"]);
        assert_eq!(
            (call(&step.requests[0]).0, &body(&step.requests[0])["billingPeriod"]),
            (unbilled, &"last".into())
        );
        let step = listed(feed, &[invoice("G1", "EUR", "2026-10"), invoice("G0", "EUR", "2026-09")]);
        assert_eq!(keys(&step), ["EUR/2026-10/billed", "USD/2026-10/unbilled"]);
        assert_eq!(call(&step.requests[0]).0, billed);
        assert_eq!(body(&step.requests[0]), json!({ "invoiceId": "G1", "attributeSet": "full" }));
        let partition = step.requests[0].partition.as_ref().unwrap();
        assert_eq!(
            (partition.month.as_str(), partition.currency.as_str(), partition.stage),
            ("2026-10", "EUR", 1)
        );
    }
}

#[test]
fn a_setting_leaves_the_last_month_alone_until_its_invoice_is_out() {
    let mut context = run();
    context.settings = r#"{"currencies":["usd"],"last_period":false}"#.into();
    let request = list_request(&context, "rated-usage");
    use purser_plugin_sdk::Connector;
    let next = |documents: &[serde_json::Value]| {
        let answer = answer(200, &list(documents));
        purser_microsoft_csp::MicrosoftCsp::next(&context, "rated-usage", &request, &answer).unwrap()
    };
    assert!(next(&[]).requests.is_empty());
    assert_eq!(keys(&next(&[invoice("G1", "USD", "2026-10")])), ["USD/2026-10/billed"]);
}

#[test]
fn restate_a_backfill_reads_the_billed_months_its_window_touches() {
    let mut context = run();
    (context.window_from, context.window_to) = ("2026-07-30".into(), "2026-09-02".into());
    context.settings = r#"{"currencies":["EUR"]}"#.into();
    let request = list_request(&context, "reconciliation");
    let documents =
        [invoice("G7", "EUR", "2026-07"), invoice("G9", "EUR", "2026-09"), invoice("G6", "EUR", "2026-06")];
    use purser_plugin_sdk::Connector;
    let answer = answer(200, &list(&documents));
    let step =
        purser_microsoft_csp::MicrosoftCsp::next(&context, "reconciliation", &request, &answer).unwrap();
    // Of August there is no invoice, and no unbilled data any more.
    assert_eq!(keys(&step), ["EUR/2026-07/billed", "EUR/2026-09/billed", "EUR/2026-10/unbilled"]);
}

#[test]
fn conserv_credit_documents_are_partitions_that_withdraw_no_stage() {
    let mut amended = invoice("G1", "EUR", "2026-10");
    amended["amendments"] = json!([{ "id": "G2", "invoiceDate": "2026-11-09T00:00:00Z", "documentType": "adjustment_note",
        "currencyCode": "EUR", "amendsOf": "G1" }]);
    let mut void = invoice("G3", "EUR", "2026-10");
    void["documentType"] = "void_note".into();
    let step = listed("reconciliation", &[amended.clone(), void]);
    assert_eq!(keys(&step), ["EUR/2026-10/billed", "USD/2026-10/unbilled", "credit/G2", "credit/G3"]);
    let credit = step.requests[2].partition.as_ref().unwrap();
    assert_eq!((credit.month.as_str(), credit.currency.as_str(), credit.stage), ("2026-10", "", 1));
    assert_eq!(body(&step.requests[2])["invoiceId"], "G2");
    assert_eq!(keys(&listed("rated-usage", &[amended])), ["EUR/2026-10/billed", "USD/2026-10/unbilled"]);
}

#[test]
fn conserv_invoices_in_a_currency_that_is_not_retrieved_are_told() {
    let step = listed("rated-usage", &[invoice("G1", "GBP", "2026-10")]);
    assert!(step.incomplete.unwrap().words().starts_with("CSP-411 there are invoices in GBP"));
}

#[test]
fn legacy_invoices_bill_no_month_of_new_commerce() {
    let mut legacy = invoice("D02005YFHI", "EUR", "2026-10");
    legacy["invoiceType"] = "Recurring".into();
    assert_eq!(keys(&listed("rated-usage", &[legacy]))[0], "EUR/2026-10/unbilled");
}

#[test]
fn a_list_of_several_pages_is_read_to_its_end_and_no_further() {
    let request = list_request(&run(), "rated-usage");
    let mut page: serde_json::Value =
        serde_json::from_str(&list(&[invoice("G1", "EUR", "2026-10")])).unwrap();
    page["links"]["next"] = json!({ "uri": "/invoices?size=200&offset=200", "headers": [] });
    let second = next("rated-usage", &request, &answer(200, &page.to_string())).unwrap().requests.remove(0);
    assert!(call(&second).2.contains(&("offset", "1")));
    let ended =
        next("rated-usage", &second, &answer(200, &list(&[invoice("G2", "USD", "2026-10")]))).unwrap();
    assert_eq!(keys(&ended), ["EUR/2026-10/billed", "USD/2026-10/billed"]);
    // The vendor ignores the offset of modern invoices: the same page again is the end.
    let same = next("rated-usage", &second, &answer(200, &page.to_string())).unwrap();
    assert_eq!(keys(&same), ["EUR/2026-10/billed", "USD/2026-10/unbilled"]);
}

#[test]
fn the_invoices_feed_keeps_what_the_list_says() {
    let request = &start(&run(), "invoices", &[])[0];
    assert_eq!((partition_key(request), request.keep.is_some()), ("invoices", true));
    let mut response =
        answer(200, r#"{"items":[],"links":{"next":{"uri":"/invoices?size=200&offset=200"}}}"#);
    response.kept = 200;
    let step = next("invoices", request, &response).unwrap();
    assert!(
        call(&step.requests[0]).2.contains(&("offset", "200"))
            && step.requests[0].partition == request.partition
    );
    assert!(
        next("invoices", request, &answer(200, r#"{"items":[],"links":{"self":{}}}"#))
            .unwrap()
            .requests
            .is_empty()
    );
}

#[test]
fn a_list_that_is_refused_leaves_the_current_month_and_says_why() {
    let request = list_request(&run(), "reconciliation");
    let step = next("reconciliation", &request, &answer(403, r#"{"code":"2032"}"#)).unwrap();
    assert!(step.requests.is_empty() && step.incomplete.unwrap().words().starts_with("CSP-201"));
    let broken = next("reconciliation", &request, &answer(200, "<html>")).unwrap();
    assert!(broken.incomplete.unwrap().words().starts_with("CSP-410"));
}

#[test]
fn blobs_name_the_state_of_their_data_and_nothing_before_them_does() {
    let order = &start(&run(), "rated-usage", &[])[0];
    assert_eq!(order.partition.as_ref().unwrap().version, "");
    let blobs = exported("rated-usage", order, &["a.gz", "b.gz"], "E1").requests;
    assert!(blobs.iter().all(|blob| blob.partition.as_ref().unwrap().version == "=E1"));
    let nameless = exported("rated-usage", order, &["a.gz"], "").requests;
    assert_eq!(nameless[0].partition.as_ref().unwrap().version, "");
}

#[test]
fn restate_a_month_of_two_invoices_is_one_state_of_both() {
    let step = listed("rated-usage", &[invoice("G2", "EUR", "2026-10"), invoice("G1", "EUR", "2026-10")]);
    assert_eq!(keys(&step), ["EUR/2026-10/billed", "USD/2026-10/unbilled"]);
    assert_eq!(body(&step.requests[0])["invoiceId"], "G1");
    // The first manifest leads to the second invoice's export, and to no blob yet.
    let second = exported("rated-usage", &step.requests[0], &["a.gz"], "E1").requests.remove(0);
    assert_eq!((call(&second).0, &body(&second)["invoiceId"]), ("billed-usage-export", &"G2".into()));
    assert_eq!(second.partition, step.requests[0].partition);
    let both = exported("rated-usage", &second, &["b.gz"], "E2").requests;
    assert_eq!(both.iter().map(|request| call(request).0).collect::<Vec<_>>(), ["export-manifest"; 2]);
    assert!(both.iter().all(|request| request.partition.as_ref().unwrap().version == "G1=E1 G2=E2"));
    let blobs = next("rated-usage", &both[0], &answer(200, &manifest(&["a.gz"], 1, "E1"))).unwrap().requests;
    assert_eq!(
        (url(&blobs[0]), blobs[0].partition.as_ref()),
        ("https://x.blob.example/root/a.gz?sig=1", both[0].partition.as_ref())
    );
    // One of them changed meanwhile: the month waits for the next run.
    let changed = next("rated-usage", &both[1], &answer(200, &manifest(&["b.gz"], 1, "E3"))).unwrap();
    assert!(changed.requests.is_empty() && changed.incomplete.unwrap().words().starts_with("CSP-408"));
}
