//! The form, the result and its files, with a report of no real plugin.

use axum::body::Body;
use axum::http::Request;
use purser_store::access::Scope;
use purser_store::people::Role;
use serde_json::Value;

use crate::testing::{Site, connector};

const FORM: &str = "/plugins/test-cloud/try";

async fn begun(site: &Site, more: &str) -> String {
    let form = format!("version={}&account=1{more}", connector().digest);
    let answer = site.post(FORM, &form).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.location().to_owned()
}

#[tokio::test]
async fn a_version_is_chosen_tried_and_its_difference_shown_in_money() {
    let mut site = Site::with_purchases().await;
    site.sign_in("olaf").await;
    let next = site.with_next_version().await;
    let form = site.get(&format!("{FORM}?version={next}")).await.text;
    assert!(form.contains(&format!("value=\"{next}\" selected")), "{form}");
    let path = begun(&site, "&from=2026-11-01&to=&threshold=0.5&accept-references=yes").await;
    assert_eq!(path, "/plugins/test-cloud/try/1");
    let digest = connector().digest;
    assert_eq!(
        site.acts.log(),
        [format!(
            "try {digest} accounts [AccountId(1)] from Some(2026-11-01) to None threshold 0.5 true olaf"
        )]
    );
    let text = site.get(&path).await.text;
    for part in [
        "Blocked",
        "TRY-REFERENCE",
        "Bakery Jansen",
        "−0.005",
        "The same records under another reference",
        "under/other",
        "Download CSV",
        "lost: PLG-205",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("hx-get"), "what has ended is not asked for again");
}

#[tokio::test]
async fn a_try_at_work_shows_how_far_it_is_and_can_be_stopped() {
    let mut site = Site::with_purchases().await;
    site.sign_in("olaf").await;
    site.acts.tries_take_long();
    let path = begun(&site, "").await;
    let page = site.get(&path).await.text;
    assert!(page.contains("3 of 7 pages") && page.contains("http-equiv=\"refresh\""), "{page}");
    let live = site.get(&format!("{path}/live")).await.text;
    assert!(live.contains("hx-get=\"/plugins/test-cloud/try/1/live\"") && !live.contains("<html"), "{live}");
    assert_eq!(site.get(&format!("{path}/diff.csv")).await.status, 409);
    assert_eq!(site.post(&format!("{path}/stop"), "").await.location(), path);
    site.sign_in("vera").await;
    assert!(!site.get(&path).await.text.contains("/stop\""), "a viewer only looks");
    assert_eq!(site.post(FORM, "").await.status, 403);
}

#[tokio::test]
async fn its_files_hold_every_difference_and_no_formula() {
    let mut site = Site::with_purchases().await;
    site.sign_in("olaf").await;
    let path = begun(&site, "").await;
    let json = site.get(&format!("{path}/diff.json")).await;
    assert_eq!(json.header("content-disposition"), "attachment; filename=\"purchase-diff.json\"");
    let report: Value = serde_json::from_str(&json.text).unwrap();
    assert_eq!((&report["verdict"], &report["diff"]["counts"]["changed"]), (&"blocked".into(), &1.into()));
    let csv = site.get(&format!("{path}/diff.csv")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let mut rows = csv::Reader::from_reader(csv.text.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let changed = rows.iter().find(|row| &row[0] == "changed").unwrap();
    assert_eq!((&changed[9], &changed[10], &changed[11], &changed[12]), ("1.255", "1.25", "-0.005", "EUR"));
    let formulas: Vec<&str> =
        rows.iter().flat_map(|row| row.iter()).filter(|cell| cell.starts_with('=')).collect();
    assert_eq!(formulas, Vec::<&str>::new());
    assert!(rows.iter().any(|row| row[4].starts_with("'=HYPERLINK")), "{rows:?}");
}

#[tokio::test]
async fn what_is_sent_wrongly_or_is_gone_is_told() {
    let mut site = Site::with_purchases().await;
    site.sign_in("olaf").await;
    for form in ["", "version=x", &format!("version={}&from=soon", connector().digest)] {
        assert_eq!(site.post(FORM, form).await.status, 400, "{form}");
    }
    let gone = site.get("/plugins/test-cloud/try/77").await;
    assert_eq!(gone.status, 404);
    assert!(gone.text.contains("TRY-GONE"), "{}", gone.text);
    let path = begun(&site, "").await;
    assert_eq!(site.get(&path.replace("test-cloud", "other")).await.status, 404);
}

#[tokio::test]
async fn programs_begin_a_try_and_read_what_came_of_it() {
    let site = Site::with_purchases().await;
    let starts = site.token(None, Role::Operator, &[Scope::PluginsRead]).await;
    let reads = site.token(None, Role::Viewer, &[Scope::PurchasesRead]).await;
    let digest = connector().digest;
    let path = format!("/api/v1/plugins/{digest}/try");
    let send = async |body: &str| {
        let request = Request::post(&path).header("authorization", format!("Bearer {starts}"));
        site.send(request.body(Body::from(body.to_owned())).unwrap()).await
    };
    assert_eq!(send("{\"from\":\"soon\"}").await.status, 400);
    assert_eq!(send("{\"unknown\":1}").await.status, 400);
    let begun = send(r#"{"accounts":[1],"from":"2026-11-01","threshold":"0.5","roles":["mapping"]}"#).await;
    assert_eq!((begun.status, begun.text.as_str()), (202, "{\"try\":1}"));
    let read = Request::get(format!("{path}/1")).header("authorization", format!("Bearer {reads}"));
    let told: Value = serde_json::from_str(&site.send(read.body(Body::empty()).unwrap()).await.text).unwrap();
    assert_eq!((&told["state"], &told["report"]["verdict"]), (&"done".into(), &"blocked".into()));
    let sums = &told["report"]["diff"]["sums"]["1"]["c-1"]["money"]["EUR"];
    assert_eq!((&sums["before"], &sums["after"]), (&"1.255".into(), &"1.25".into()));
}
