//! The preflight table, asked live.

use purser_vendor::preflight::{Answer, Lack, Probe, Row, Verdict, lack, preflight};
use serde_json::json;

use crate::world::{ACCOUNT, World};

fn answer(statuses: std::ops::RangeInclusive<u16>, verdict: Verdict, code: &str) -> Answer {
    Answer {
        statuses,
        header: None,
        body: None,
        verdict,
        about_role: false,
        code: code.into(),
        remedy: format!("remedy of {code}"),
    }
}

fn probe(call: &str, needed: bool) -> Probe {
    let mfa = Answer {
        body: Some(("/code".into(), "900421".into())),
        ..answer(401..=401, Verdict::Missing, "PRE-MFA")
    };
    let not_compliant = Answer {
        header: Some(("Is-Fine".into(), "false".into())),
        ..answer(200..=299, Verdict::Missing, "PRE-HEADER")
    };
    Probe {
        name: format!("read {call}"),
        capability: format!("read {call}"),
        call: call.into(),
        path: if call == "items" { vec![("id".into(), "1".into())] } else { vec![] },
        query: vec![("size".into(), "1".into())],
        headers: vec![],
        body: None,
        needed,
        answers: vec![
            mfa,
            not_compliant,
            answer(200..=299, Verdict::Ok, "PRE-OK"),
            answer(403..=403, Verdict::Missing, "PRE-ROLE"),
        ],
    }
}

async fn table(world: &mut World, probes: Vec<Probe>) -> Vec<Row> {
    world.connector.consent.as_mut().unwrap().probes = probes;
    preflight(&world.client, ACCOUNT, &world.connector).await
}

#[tokio::test]
async fn each_answer_is_judged_by_the_first_row_that_knows_it() {
    for (status, headers, body, verdict, code) in [
        (200, &[][..], json!({}), Verdict::Ok, "PRE-OK"),
        (200, &[("Is-Fine", "False,False")], json!({}), Verdict::Missing, "PRE-HEADER"),
        (403, &[], json!({}), Verdict::Missing, "PRE-ROLE"),
        (418, &[], json!({}), Verdict::Unknown, "PRE-UNKNOWN"),
        (500, &[], json!({"code": 900_421}), Verdict::Unknown, "PRE-UNKNOWN"),
    ] {
        let mut world = World::new().await;
        world.vendor.answers(status, headers, serde_json::to_vec(&body).unwrap());
        let rows = table(&mut world, vec![probe("items", true)]).await;
        assert_eq!((rows[0].verdict, rows[0].code.as_str()), (verdict, code), "{status} {headers:?}");
        assert_eq!(rows[0].remedy.is_empty(), verdict == Verdict::Ok);
    }
}

#[tokio::test]
async fn a_refused_token_is_judged_after_a_fresh_one_was_refused_too() {
    let mut world = World::new().await;
    for _ in 0..2 {
        world.vendor.answers(401, &[], serde_json::to_vec(&json!({"code": 900_421})).unwrap());
    }
    let rows = table(&mut world, vec![probe("items", true)]).await;
    assert_eq!((rows[0].verdict, rows[0].code.as_str()), (Verdict::Missing, "PRE-MFA"));
    assert_eq!(world.vendor.token_requests().len(), 2);
}

#[tokio::test]
async fn evidence_names_status_and_request_ids_and_nothing_else() {
    let mut world = World::new().await;
    let headers = [("X-RequestId", "r-1"), ("X-Correlation-Id", "c-1"), ("X-Other", "planted")];
    world.vendor.answers(403, &headers, "planted");
    let rows = table(&mut world, vec![probe("items", true)]).await;
    assert_eq!(rows[0].evidence, "HTTP 403, x-requestid r-1, x-correlation-id c-1");
}

#[tokio::test]
async fn what_can_not_be_asked_is_unknown_and_never_blocks() {
    let mut world = World::new().await;
    *world.grants.grant.lock().unwrap() = None;
    let rows = table(&mut world, vec![probe("items", true), probe("not listed", true)]).await;
    let verdicts: Vec<_> = rows.iter().map(|row| (row.verdict, row.code.as_str())).collect();
    assert_eq!(verdicts, [(Verdict::Unknown, "CON-NO-GRANT"), (Verdict::Unknown, "VND-NOT-GRANTED")]);
    assert_eq!(lack(&rows), None);
}

#[tokio::test]
async fn a_missing_needed_capability_degrades_and_says_what_to_do() {
    let mut world = World::new().await;
    world.vendor.answers(403, &[], "");
    world.vendor.answers(403, &[], "");
    let rows = table(&mut world, vec![probe("open", false), probe("items", true)]).await;
    let Some(Lack { code, what, remedy, .. }) = lack(&rows) else { panic!("{rows:?}") };
    assert_eq!((code.as_str(), remedy.as_str()), ("PRE-ROLE", "remedy of PRE-ROLE"));
    assert_eq!(what, "the account cannot read items");
}
