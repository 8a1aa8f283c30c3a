//! What a failed token request means: Microsoft's `error` members and AADSTS numbers as data.
//!
//! Numbers refine, `error` decides where no number is known, and what is in neither is the host's "unknown".

use purser_plugin_sdk::manifest::{ErrorClass, GrantEffect};

/// A class, what becomes of the grant, what to do, and the numbers that mean it.
type Row = (&'static str, GrantEffect, &'static str, &'static [u32]);

const AGAIN: &str =
    "Connect the account again. Codes may change; if it lasts, give the ids shown to the vendor's support.";
const REGISTRATION: &str = "Correct the application's registration or the configuration of this server; connecting again does not help.";

/// The first row with a matching number counts: an answer may name several, the telling one beside a general one.
const BY_NUMBER: [Row; 27] = [
    (
        "sign_in_failed",
        GrantEffect::NeedsConsent,
        "User name or password was refused. Connect the account again.",
        &[50126],
    ),
    (
        "mfa_required",
        GrantEffect::NeedsConsent,
        "Multifactor authentication is missing: since April 2026 Microsoft refuses Partner Center's calls without it. Switch it on for the account, then connect again.",
        &[50076, 50074, 50072, 50079, 50158, 50161],
    ),
    (
        "mfa_expired",
        GrantEffect::NeedsConsent,
        "The multifactor authentication of this consent has expired by a policy of the tenant. Connect the account again.",
        &[50078],
    ),
    (
        "reauth_policy",
        GrantEffect::NeedsConsent,
        "A sign-in frequency policy ended the grant. Exclude the service account from it, then connect again.",
        &[70043],
    ),
    (
        "blocked_by_policy",
        GrantEffect::Degraded,
        "Conditional Access blocks the account. The tenant's administrator must allow this server's address; it then works again by itself.",
        &[53003, 530032, 530035, 53000, 53001, 53002, 50131, 50097],
    ),
    (
        "user_disabled",
        GrantEffect::NeedsConsent,
        "The account is disabled. Enable it, or connect another one.",
        &[50057],
    ),
    (
        "user_missing",
        GrantEffect::NeedsConsent,
        "The account no longer exists in the tenant. Connect another one.",
        &[50034, 51004, 50014],
    ),
    (
        "user_locked",
        GrantEffect::Degraded,
        "The account is locked. Unlock it, or wait; it then works again by itself.",
        &[50053],
    ),
    (
        "user_password_expired",
        GrantEffect::NeedsConsent,
        "The account's password has expired. Set a new one, then connect again.",
        &[50055, 50144],
    ),
    (
        "grant_revoked",
        GrantEffect::NeedsConsent,
        "The account's password was reset or its sessions were revoked. Connect it again, or another permitted account.",
        &[50132, 50133, 50173],
    ),
    (
        "user_risk",
        GrantEffect::NeedsConsent,
        "Microsoft sees a risk for the account. Have it cleared by your security team, then connect again.",
        &[50135, 53004, 53011],
    ),
    (
        "grant_expired",
        GrantEffect::NeedsConsent,
        "The grant was not used for 90 days. Connect the account again.",
        &[700082, 70008, 50089],
    ),
    (
        "misconfigured_app",
        GrantEffect::OperatorFault,
        "Register the redirect URI with the type web, not single-page.",
        &[700084],
    ),
    (
        "consent_missing",
        GrantEffect::NeedsConsent,
        "The application's consent is missing, was declined, or was removed in your tenant. Connect again; the first time an administrator must.",
        &[65001, 65004],
    ),
    (
        "admin_consent_required",
        GrantEffect::NeedsConsent,
        "An administrator must consent to the application once; then connect again.",
        &[90094, 90095],
    ),
    (
        "user_not_assigned",
        GrantEffect::Degraded,
        "Assign the account to the enterprise application; it then works again by itself.",
        &[50105],
    ),
    (
        "app_not_installed",
        GrantEffect::OperatorFault,
        "The application or its permissions are not in the tenant. Complete the registration and consent to it.",
        &[700016, 700011, 500011, 650052, 650056, 650057, 65005, 90099],
    ),
    (
        "app_disabled",
        GrantEffect::OperatorFault,
        "The application is disabled in the tenant. Enable it.",
        &[70001, 7000112],
    ),
    (
        "operator_credential",
        GrantEffect::OperatorFault,
        "The application's secret or certificate is wrong or has expired. Set a new one in the configuration; connecting again does not help.",
        &[7000215, 7000222, 7000218, 70002, 700027, 700025],
    ),
    (
        "wrong_tenant",
        GrantEffect::NeedsConsent,
        "The account is a guest or of another tenant. Connect with an account of the partner tenant.",
        &[50020, 16000, 50177, 90072],
    ),
    (
        "personal_account",
        GrantEffect::NeedsConsent,
        "Personal Microsoft accounts cannot be used. Connect with a work account of the partner tenant.",
        &[500208],
    ),
    ("misconfigured_authority", GrantEffect::OperatorFault, REGISTRATION, &[50194, 9001023, 90124, 90130]),
    (
        "wrong_cloud_or_tenant",
        GrantEffect::OperatorFault,
        "The tenant does not exist in this cloud. Check the account's cloud.",
        &[90002, 90038, 900432, 900382],
    ),
    (
        "grant_client_mismatch",
        GrantEffect::NeedsConsent,
        "The grant belongs to another application. Connect the account again.",
        &[700007],
    ),
    (
        "flow_error",
        GrantEffect::FlowError,
        "The sign-in was repeated or tampered with. Start again.",
        &[54005, 501481, 50147, 501491, 700005],
    ),
    (
        "loop_detected",
        GrantEffect::Retry,
        "Microsoft saw too many equal requests. It is tried again later by itself.",
        &[50196],
    ),
    (
        "transient",
        GrantEffect::Retry,
        "Microsoft is busy. It is tried again by itself.",
        &[90055, 50033, 90006, 90012, 90024, 90033, 90090, 50000],
    ),
];

/// The user declined, and the sign-in page sent them back: nothing is wrong with any grant. The token endpoint's 65004
/// is another matter, and stands above.
const DECLINED: u32 = 65004;
const CANCELLED: &str = "The sign-in was cancelled; nothing was stored. Start again when you are ready.";

/// After the numbers: by the `error` member alone. A grant that is refused for no known reason is checked last of all.
const BY_ERROR: [(&str, &str, GrantEffect, &str); 15] = [
    (
        "temporarily_unavailable",
        "transient",
        GrantEffect::Retry,
        "Microsoft is busy. It is tried again by itself.",
    ),
    ("server_error", "transient", GrantEffect::Retry, "Microsoft has trouble. It is tried again by itself."),
    ("access_denied", "cancelled", GrantEffect::Retry, CANCELLED),
    ("consent_required", "consent_missing", GrantEffect::NeedsConsent, AGAIN),
    ("interaction_required", "interaction_required", GrantEffect::NeedsConsent, AGAIN),
    ("login_required", "interaction_required", GrantEffect::NeedsConsent, AGAIN),
    ("invalid_client", "operator_credential", GrantEffect::OperatorFault, REGISTRATION),
    ("unauthorized_client", "app_not_installed", GrantEffect::OperatorFault, REGISTRATION),
    ("unsupported_grant_type", "misconfigured_app", GrantEffect::OperatorFault, REGISTRATION),
    ("unsupported_response_type", "misconfigured_app", GrantEffect::OperatorFault, REGISTRATION),
    ("invalid_resource", "app_not_installed", GrantEffect::OperatorFault, REGISTRATION),
    ("invalid_scope", "app_not_installed", GrantEffect::OperatorFault, REGISTRATION),
    ("invalid_request", "misconfigured_app", GrantEffect::OperatorFault, REGISTRATION),
    ("invalid_token", "grant_invalid", GrantEffect::NeedsConsent, AGAIN),
    ("invalid_grant", "grant_invalid", GrantEffect::NeedsConsent, AGAIN),
];

/// Numbers that mean a broken token: also behind `invalid_request`, hence before it.
const GRANT_INVALID: [u32; 2] = [70000, 9002313];

/// All classes, the first match first.
pub fn classes() -> Vec<ErrorClass> {
    let declined = entry("access_denied", DECLINED, "cancelled", GrantEffect::Retry, CANCELLED);
    let by_number = BY_NUMBER.iter().flat_map(|(class, state, remedy, codes)| {
        codes.iter().map(move |code| entry("", *code, class, *state, remedy))
    });
    let broken = GRANT_INVALID.iter().map(|code| {
        entry(
            "",
            *code,
            "grant_invalid",
            GrantEffect::NeedsConsent,
            "The stored grant is unusable. Connect the account again.",
        )
    });
    let by_error =
        BY_ERROR.iter().map(|(error, class, state, remedy)| entry(error, 0, class, *state, remedy));
    std::iter::once(declined).chain(by_number).chain(broken).chain(by_error).collect()
}

fn entry(error: &str, code: u32, class: &str, state: GrantEffect, remedy: &str) -> ErrorClass {
    ErrorClass { error: error.to_owned(), code, class: class.to_owned(), state, remedy: remedy.to_owned() }
}
