//! Every row of the vendor's table of refusals by its interfaces (not its token endpoint): what becomes of an account whose
//! calls worked before, what is told, and that it works again by itself, or by new consent, once the vendor does.

use purser_simulator::{Action, Faults, Rule};
use purser_store::accounts::ConsentState;

use crate::journey::Journey;

const PREFLIGHT: &str = "/connectors/microsoft-csp/accounts/1/preflight";
const CHALLENGE: &str = "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"eyJhIjoxfQ\"";

/// What becomes of an account.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Becomes {
    NeedsConsent,
    Degraded,
    Untouched,
}

use Becomes::{Degraded, NeedsConsent, Untouched};

/// Partner Center's own form.
fn fault(status: u16, code: &str) -> Action {
    Action::Error { shape: 1, status, code: code.into(), message: "simulated".into() }
}

fn plain(status: u16, body: &str, headers: &[(&str, &str)]) -> Action {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Action::Status { status, body: body.into(), headers }
}

/// The answer, what becomes of the account, our code, and words of what is told.
fn rows() -> Vec<(Action, Becomes, &'static str, &'static [&'static str])> {
    const ROLE: &[&str] = &["a role was there and is not now", "(PIM)", "Admin Agent"];
    let no_role = "The supplied role does not have the rights to perform the requested operation.";
    vec![
        (fault(401, "400"), NeedsConsent, "CSP-PRE-204", &["does not accept the grant"]),
        (fault(401, "800001"), NeedsConsent, "CSP-PRE-204", &["does not accept the grant"]),
        (fault(401, "900420"), Degraded, "CSP-PRE-102", &["The token is for another API"]),
        (fault(401, "900421"), NeedsConsent, "CSP-PRE-101", &["Switch multifactor authentication on"]),
        (
            plain(401, "", &[("WWW-Authenticate", CHALLENGE)]),
            NeedsConsent,
            "CSP-PRE-207",
            &["asks for a new sign-in"],
        ),
        (fault(403, "2032"), Degraded, "CSP-PRE-203", ROLE),
        (fault(403, "900308"), Degraded, "CSP-PRE-203", ROLE),
        (plain(403, no_role, &[("Content-Type", "text/plain")]), Degraded, "CSP-PRE-203", ROLE),
        (plain(403, "", &[]), Degraded, "CSP-PRE-203", ROLE),
        (fault(403, "900309"), Degraded, "CSP-PRE-205", &["Conditional Access blocks the account"]),
        (fault(403, "900329"), Degraded, "CSP-PRE-206", &["takes no token of the application itself"]),
        // Nobody can tell: that blocks nothing.
        (Action::Throttle { retry_after: Some(0), as_date: false, text: false }, Untouched, "", &[]),
        (fault(500, "1"), Untouched, "", &[]),
        (Action::NotJson {}, Untouched, "", &[]),
        (plain(418, "", &[]), Untouched, "", &[]),
    ]
}

fn found(state: &ConsentState) -> (Becomes, &str) {
    match state {
        ConsentState::NeedsConsent(reason) => (NeedsConsent, &reason.code),
        ConsentState::Degraded(reason) => (Degraded, &reason.code),
        ConsentState::Active => (Untouched, ""),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_refusal_of_an_interface_sets_state_text_and_remedy_and_ends_with_it() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let press = |journey: &mut Journey, faults| {
        journey.world.simulator.set_faults(faults);
        let table = journey.open(PREFLIGHT);
        journey.press(&table, "/preflight");
        journey.state().unwrap()
    };
    for (action, becomes, code, words) in rows() {
        let told = format!("{action:?}");
        let state = press(&mut journey, Faults::default().with(Rule::new("/v1/customers", action)));
        assert_eq!(found(&state), (becomes, code), "{told}");
        let page = journey.open("/connectors/microsoft-csp/settings").body;
        for part in words.iter().chain([&code]) {
            assert!(page.contains(part), "{told}: no {part:?}:\n{page}");
        }
        let state = press(&mut journey, Faults::default());
        assert_eq!(state, ConsentState::Active, "{told}: every needed call was seen to work again");
    }
}

#[test]
fn a_refusal_for_one_customer_is_no_fault_of_the_consent() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    journey.world.simulator.set_faults(
        Faults::default().with(Rule::new("/subscriptions", fault(403, "20002")).each_path().first(1)),
    );
    let account = journey.open("/connectors/microsoft-csp/accounts/1");
    journey.press(&account, "/run");
    let run = journey.world.wait_for_run(&journey.data);
    assert_eq!(journey.state(), Some(ConsentState::Active), "{:?}", run.state);
}
