//! Consent over HTTP, as a browser goes through it, against the real binary: who is let in, and who is not.

use purser_simulator::Faults;
use purser_store::accounts::ConsentState;
use url::Url;

use crate::journey::Journey;
use crate::visitor::Visitor;

/// What to do where somebody may have answered in the vendor's place.
const FOREIGN: &str = "look for whoever answers in the vendor";

/// A refused flow: the page says the code, what happened and what to do, and nothing is stored.
fn refused(faults: Faults, user: &str, code: &str, words: [&str; 2]) {
    let mut journey = Journey::begin(faults);
    let callback = journey.callback_as(user);
    let page = journey.follow(&callback);
    for part in [code].into_iter().chain(words) {
        assert!(page.body.contains(part), "{user}: no {part:?} on the page:\n{}", page.body);
    }
    assert_eq!(journey.state(), None, "{user}: something was stored");
}

fn degraded(user: &str, code: &str, words: &str) {
    let mut journey = Journey::begin(Faults::default());
    let callback = journey.callback_as(user);
    let confirm = journey.follow(&callback);
    let page = journey.confirm(&confirm);
    assert!(page.body.contains(code), "{user}: no {code} in the preflight table:\n{}", page.body);
    match journey.state() {
        Some(ConsentState::Degraded(reason)) => {
            assert_eq!(reason.code, code);
            assert!(reason.remedy.contains(words), "{}", reason.remedy);
        }
        other => panic!("{user}: {other:?}"),
    }
}

#[test]
fn the_right_user_is_shown_confirmed_probed_and_connected() {
    let mut journey = Journey::begin(Faults::default());
    let callback = journey.callback_as("service");
    let confirm = journey.follow(&callback);
    assert!(!confirm.url.as_str().contains("code="), "the code does not stay in the address");
    assert!(confirm.body.contains("service@simulated-partner.example"));
    assert_eq!(journey.state(), None, "nothing is stored before the confirmation");
    let table = journey.confirm(&confirm);
    assert_eq!(table.status, 200, "{}", table.body);
    assert_eq!(journey.state(), Some(ConsentState::Active), "{}", table.body);
}

#[test]
fn a_personal_account_is_refused() {
    let words = ["A personal account signed in", "copy the link into a private window"];
    refused(Faults::default(), "personal", "CON-PERSONAL-ACCOUNT", words);
}

#[test]
fn a_guest_is_refused() {
    let words = ["A guest of the tenant signed in", "your browser probably reused an earlier sign-in"];
    refused(Faults::default(), "guest", "CON-GUEST", words);
}

#[test]
fn a_cancelled_sign_in_says_so() {
    let words = ["The sign-in was cancelled", "nothing was changed; begin again when you are ready"];
    refused(Faults::default(), "cancel", "CON-CANCELLED", words);
}

#[test]
fn a_proof_of_another_issuer_is_refused() {
    refused(
        Faults { wrong_issuer: true, ..Faults::default() },
        "service",
        "CON-WRONG-ISSUER",
        ["comes from an unexpected issuer", FOREIGN],
    );
}

#[test]
fn a_proof_of_another_sign_in_is_refused() {
    refused(
        Faults { wrong_nonce: true, ..Faults::default() },
        "service",
        "CON-WRONG-NONCE",
        ["belongs to another sign-in", FOREIGN],
    );
}

#[test]
fn a_proof_for_another_application_is_refused() {
    refused(
        Faults { wrong_audience: true, ..Faults::default() },
        "service",
        "CON-WRONG-AUDIENCE",
        ["was made for another application", FOREIGN],
    );
}

#[test]
fn a_proof_that_nobody_signed_is_refused() {
    refused(
        Faults { bad_signature: true, ..Faults::default() },
        "service",
        "CON-BAD-SIGNATURE",
        ["has no valid signature", FOREIGN],
    );
}

#[test]
fn a_user_without_mfa_must_consent_anew_and_is_told_why() {
    let mut journey = Journey::begin(Faults::default());
    let page = journey.connect_as("nomfa");
    assert!(page.body.contains("CSP-PRE-101") && page.body.contains("Refused"), "{}", page.body);
    let Some(ConsentState::NeedsConsent(reason)) = journey.state() else { panic!("{:?}", journey.state()) };
    assert_eq!(reason.code, "CSP-PRE-101");
    assert!(reason.remedy.contains("Switch multifactor authentication on"), "{}", reason.remedy);
}

#[test]
fn a_user_without_roles_is_connected_but_degraded_with_the_remedy() {
    degraded("norole", "CSP-PRE-203", "Give the account Admin Agent");
}

#[test]
fn global_admin_and_sales_agent_are_not_enough() {
    degraded("global", "CSP-PRE-403", "This pair is not enough for usage");
}

#[test]
fn a_wrong_state_is_refused() {
    let mut journey = Journey::begin(Faults::default());
    let mut callback = journey.callback_as("service");
    let pairs: Vec<(String, String)> = callback.query_pairs().into_owned().collect();
    callback.query_pairs_mut().clear().extend_pairs(
        pairs
            .iter()
            .map(|(name, value)| (name.as_str(), if name == "state" { "made-up" } else { value.as_str() })),
    );
    let page = journey.follow(&callback);
    assert!(page.body.contains("CON-WRONG-STATE"), "{}", page.body);
    assert_eq!(journey.state(), None);
}

#[test]
fn a_replayed_answer_is_refused_and_the_first_one_stands() {
    let mut journey = Journey::begin(Faults::default());
    let callback = journey.callback_as("service");
    let confirm = journey.follow(&callback);
    let replayed = journey.follow(&callback);
    assert!(replayed.body.contains("CON-REPLAYED"), "{}", replayed.body);
    journey.confirm(&confirm);
    assert_eq!(journey.state(), Some(ConsentState::Active));
}

#[test]
fn the_code_of_one_flow_does_not_fit_the_verifier_of_another() {
    let mut journey = Journey::begin(Faults::default());
    let first = journey.callback_as("service");
    let second = journey.callback_as("service");
    let value =
        |url: &Url, name: &str| url.query_pairs().find(|(pair, _)| pair == name).unwrap().1.into_owned();
    let mut mixed = second.clone();
    mixed
        .query_pairs_mut()
        .clear()
        .append_pair("code", &value(&first, "code"))
        .append_pair("state", &value(&second, "state"));
    let page = journey.follow(&mixed);
    assert!(page.body.contains("CON-"), "{}", page.body);
    assert_eq!(journey.state(), None);
}

#[test]
fn another_browser_session_cannot_finish_a_flow() {
    let mut journey = Journey::begin(Faults::default());
    let callback = journey.callback_as("service");
    journey.visitor = Visitor::new().unwrap();
    journey.sign_in();
    let page = journey.follow(&callback);
    assert!(page.body.contains("CON-OTHER-SESSION"), "{}", page.body);
    assert_eq!(journey.state(), None);
}

#[test]
fn renewing_with_a_user_of_another_tenant_leaves_the_old_grant() {
    let mut journey = Journey::begin(Faults::default());
    let callback = journey.callback_as("service");
    let confirm = journey.follow(&callback);
    journey.confirm(&confirm);
    let choice = journey.open("/connectors/microsoft-csp/consent/start?cloud=global&renew=1");
    let form = choice.form_with("user").unwrap().pressing("user", "other");
    let page = journey.world.runtime.block_on(journey.visitor.send(form)).unwrap();
    assert!(page.form_to("/consent/confirm").is_err(), "another tenant may not be confirmed:\n{}", page.body);
    assert_eq!(journey.state(), Some(ConsentState::Active), "the old grant stands");
}

#[test]
fn an_answer_of_another_tenant_on_renewal_changes_nothing_and_says_so() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    journey.world.simulator.set_faults(Faults { wrong_tenant: true, ..Faults::default() });
    let choice = journey.open("/connectors/microsoft-csp/consent/start?cloud=global&renew=1");
    let form = choice.form_with("user").unwrap().pressing("user", "service");
    let page = journey.world.runtime.block_on(journey.visitor.send(form)).unwrap().body;
    let retry = "connect the other tenant as an account of its own";
    for part in ["CON-WRONG-TENANT", "nothing was changed", retry] {
        assert!(page.contains(part), "no {part:?}:\n{page}");
    }
    assert_eq!(journey.state(), Some(ConsentState::Active), "the old grant stands");
}
