//! Five shapes of error, and what each means for the run.

use purser_plugin_sdk::types::Problem;

use crate::support::*;

fn settle(status: u16, body: &str) -> Result<String, Problem> {
    let request = &start(&run(), "customers", &[])[0];
    next("customers", request, &answer(status, body)).map(|step| {
        assert!(step.requests.is_empty());
        step.incomplete.unwrap().words().to_owned()
    })
}

fn fault(code: &str) -> String {
    format!(r#"{{"code":{code},"description":"words of the vendor","data":[],"source":"x"}}"#)
}

#[test]
fn refusals_of_one_customer_leave_that_partition_incomplete() {
    for (status, code, ours) in [
        (403, "20002", "CSP-205"),
        (403, "\"20002\"", "CSP-205"),
        (403, "800043", "CSP-202"),
        (403, "2032", "CSP-201"),
        (403, "900150", "CSP-201"),
        (403, "900308", "CSP-201"),
        (403, "900124", "CSP-203"),
        (403, "900309", "CSP-204"),
        (404, "20003", "CSP-301"),
        (404, "60003", "CSP-301"),
        (400, "900127", "CSP-302"),
    ] {
        let reason = settle(status, &fault(code)).unwrap();
        assert!(
            reason.starts_with(ours) && reason.contains("words of the vendor"),
            "{status} {code}: {reason}"
        );
    }
}

#[test]
fn a_grant_that_is_refused_needs_consent_and_a_wrong_token_is_our_fault() {
    for body in [fault("900421"), fault("800001"), String::new(), "<html>".into()] {
        assert!(matches!(settle(401, &body), Err(Problem::NeedsConsent(_))), "{body}");
    }
    let Err(Problem::NeedsConsent(mfa)) = settle(401, &fault("\"900421\"")) else {
        panic!("no consent asked")
    };
    assert!(mfa.starts_with("CSP-101"), "{mfa}");
    assert!(matches!(settle(401, &fault("900420")), Err(Problem::Bug(_))));
    assert!(matches!(settle(403, &fault("900329")), Err(Problem::Bug(_))));
}

#[test]
fn nested_errors_are_read_to_their_deepest_code() {
    let body = r#"{"error":{"code":"Forbidden","message":"no role","innerError":{"code":"x","innerError":{"code":"800043"}}}}"#;
    let reason = settle(403, body).unwrap();
    assert!(reason.starts_with("CSP-202") && reason.contains("no role"), "{reason}");
}

#[test]
fn trouble_of_the_vendor_is_waited_out_whatever_its_body() {
    for (status, body) in [(500, "<html>"), (502, ""), (503, "{}"), (408, "nothing"), (500, "\u{0}")] {
        assert_eq!(settle(status, body), Err(Problem::RetryLater(30)), "{status}");
    }
    assert_eq!(settle(429, ""), Err(Problem::RetryLater(60)));
}

#[test]
fn other_refusals_are_told_in_one_short_line() {
    let long = format!(r#"{{"code":3000,"description":"{}\r\nsecond"}}"#, "x".repeat(500));
    let Err(Problem::Reject(reason)) = settle(400, &long) else { panic!("not refused") };
    assert!(reason.starts_with("CSP-501") && reason.len() < 300 && !reason.contains('\n'), "{reason}");
}

#[test]
fn a_blob_hosts_refusal_says_nothing_about_the_grant() {
    let poll = crate::crawl::ordered_export();
    let manifest = r#"{"id":"m","eTag":"e","rootDirectory":"https://b.example/r","sasToken":"s","blobs":[{"name":"a"}]}"#;
    let body = format!(r#"{{"status":"succeeded","resourceLocation":{manifest}}}"#);
    let blob = &next("rated-usage", &poll, &answer(200, &body)).unwrap().requests[0];
    assert!(next("rated-usage", blob, &answer(401, "")).is_ok());
    assert_eq!(next("rated-usage", blob, &answer(503, "")), Err(Problem::RetryLater(30)));
}
