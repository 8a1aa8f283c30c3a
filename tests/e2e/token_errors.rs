//! Every row of the vendor's table of token errors, brought about at the token endpoint: what the page says at sign-in,
//! and what becomes of an account whose stored grant is refused so.

use purser_simulator::{Action, Faults, Rule, TokenRefusal};
use purser_store::accounts::ConsentState;

use crate::journey::Journey;

/// What becomes of an account.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Becomes {
    NeedsConsent,
    Degraded,
    OperatorFault,
    Untouched,
}

use Becomes::{Degraded, NeedsConsent, OperatorFault, Untouched};

/// Our code, what becomes of the account, words of the remedy, and the numbers.
type Row = (&'static str, Becomes, &'static str, &'static [u32]);

const ROWS: [Row; 28] = [
    (
        "CON-MFA-REQUIRED",
        NeedsConsent,
        "Multifactor authentication is missing",
        &[50076, 50074, 50072, 50079, 50158, 50161],
    ),
    ("CON-MFA-EXPIRED", NeedsConsent, "has expired by a policy", &[50078]),
    ("CON-REAUTH-POLICY", NeedsConsent, "sign-in frequency policy", &[70043]),
    (
        "CON-BLOCKED-BY-POLICY",
        Degraded,
        "must allow this server",
        &[53003, 530032, 530035, 53000, 53001, 53002, 50131, 50097],
    ),
    ("CON-USER-DISABLED", NeedsConsent, "Enable it, or connect another one", &[50057]),
    ("CON-USER-MISSING", NeedsConsent, "Connect another one", &[50034, 51004, 50014]),
    ("CON-USER-LOCKED", Degraded, "Unlock it, or wait", &[50053]),
    ("CON-USER-PASSWORD-EXPIRED", NeedsConsent, "Set a new one, then connect again", &[50055, 50144]),
    (
        "CON-GRANT-REVOKED",
        NeedsConsent,
        "Connect it again, or another permitted account",
        &[50132, 50133, 50173],
    ),
    ("CON-USER-RISK", NeedsConsent, "security team", &[50135, 53004, 53011]),
    ("CON-GRANT-EXPIRED", NeedsConsent, "not used for 90 days", &[700082, 70008, 50089]),
    ("CON-GRANT-INVALID", NeedsConsent, "stored grant is unusable", &[70000, 9002313]),
    ("CON-MISCONFIGURED-APP", OperatorFault, "with the type web", &[700084]),
    ("CON-CONSENT-MISSING", NeedsConsent, "was removed in your tenant", &[65001, 65004]),
    ("CON-ADMIN-CONSENT-REQUIRED", NeedsConsent, "administrator must consent", &[90094, 90095]),
    ("CON-USER-NOT-ASSIGNED", Degraded, "Assign the account to the enterprise application", &[50105]),
    (
        "CON-APP-NOT-INSTALLED",
        OperatorFault,
        "Complete the registration",
        &[700016, 700011, 500011, 650052, 650056, 650057, 65005, 90099],
    ),
    ("CON-APP-DISABLED", OperatorFault, "Enable it", &[70001, 7000112]),
    (
        "CON-OPERATOR-CREDENTIAL",
        OperatorFault,
        "connecting again does not help",
        &[7000215, 7000222, 7000218, 70002, 700027, 700025],
    ),
    ("CON-WRONG-TENANT", NeedsConsent, "an account of the partner tenant", &[50020, 16000, 50177, 90072]),
    ("CON-PERSONAL-ACCOUNT", NeedsConsent, "a work account", &[500208]),
    (
        "CON-MISCONFIGURED-AUTHORITY",
        OperatorFault,
        "Correct the application",
        &[50194, 9001023, 90124, 90130],
    ),
    ("CON-WRONG-CLOUD-OR-TENANT", OperatorFault, "Check the account", &[90002, 90038, 900432]),
    ("CON-GRANT-CLIENT-MISMATCH", NeedsConsent, "belongs to another application", &[700007]),
    ("CON-FLOW-ERROR", NeedsConsent, "Start again", &[54005, 501481, 700005]),
    ("CON-LOOP-DETECTED", Untouched, "tried again later by itself", &[50196]),
    (
        "CON-TRANSIENT",
        Untouched,
        "tried again by itself",
        &[90055, 50033, 90006, 90012, 90024, 90033, 90090, 50000],
    ),
    // In no table: by its error alone.
    ("CON-GRANT-INVALID", NeedsConsent, "Connect the account again", &[99_999_999]),
];

/// The token endpoint refuses everything.
pub fn refusing(error: &str, code: u32) -> Faults {
    Faults { token_refusal: Some(TokenRefusal { error: error.into(), code }), ..Faults::default() }
}

/// Every call is refused too, so that a cached access token does not hide what the token endpoint says.
pub fn refusing_all(error: &str, code: u32) -> Faults {
    let refused = Action::Error { shape: 1, status: 401, code: "1".into(), message: "simulated".into() };
    refusing(error, code)
        .with(Rule::new("/v1/", refused.clone()))
        .with(Rule::new("/export", refused.clone()))
        .with(Rule::new("/ratecards", refused))
}

fn becomes(state: &ConsentState) -> (Becomes, &str, String) {
    match state {
        ConsentState::NeedsConsent(reason) => (NeedsConsent, &reason.code, reason.what.clone()),
        ConsentState::Degraded(reason) => (Degraded, &reason.code, reason.what.clone()),
        ConsentState::OperatorFault(reason) => (OperatorFault, &reason.code, reason.what.clone()),
        _ => (Untouched, "", String::new()),
    }
}

#[test]
fn every_token_error_at_sign_in_is_told_with_its_remedy_and_stores_nothing() {
    let mut journey = Journey::begin(Faults::default());
    for (code, _, remedy, numbers) in ROWS {
        for number in numbers {
            journey.world.simulator.set_faults(refusing("invalid_grant", *number));
            let callback = journey.callback_as("service");
            let page = journey.follow(&callback).body;
            assert!(page.contains(code) && page.contains(remedy), "{number}: {page}");
            for id in [number.to_string().as_str(), "trace ", "correlation "] {
                assert!(page.contains(id), "{number}: no {id:?}: {page}");
            }
            assert_eq!(journey.state(), None, "{number}: something was stored");
        }
    }
}

#[test]
fn every_token_error_of_a_stored_grant_sets_state_text_and_remedy() {
    let mut journey = Journey::begin(Faults::default());
    let numbers = ROWS.iter().flat_map(|row| row.3.iter().map(move |number| (row, *number)));
    for ((code, expected, remedy, _), number) in numbers {
        journey.world.simulator.set_faults(Faults::default());
        journey.connect_as("service");
        assert_eq!(journey.state(), Some(ConsentState::Active), "{number}: connected anew");
        journey.world.simulator.set_faults(refusing_all("invalid_grant", number));
        let table = journey.open("/connectors/microsoft-csp/accounts/1/preflight");
        journey.press(&table, "/preflight");
        let state = journey.state().unwrap();
        let (found, told, what) = becomes(&state);
        if *expected == Untouched {
            assert_eq!(state, ConsentState::Active, "{number}");
            continue;
        }
        assert_eq!((found, told), (*expected, *code), "{number}: {what}");
        assert!(what.contains(&number.to_string()) && what.contains("trace "), "{what}");
        let page = journey.open("/connectors/microsoft-csp/settings").body;
        assert!(page.contains(code) && page.contains(remedy), "{number}: {page}");
    }
}

#[test]
fn a_token_error_nobody_knows_is_shown_as_it_came() {
    let mut journey = Journey::begin(refusing("brand_new_error", 4_242_424));
    let callback = journey.callback_as("service");
    let page = journey.follow(&callback).body;
    for part in ["CON-UNKNOWN", "brand_new_error", "4242424", "trace ", "correlation ", "codes may change"] {
        assert!(page.contains(part), "no {part:?}:\n{page}");
    }
    assert_eq!(journey.state(), None);
}
