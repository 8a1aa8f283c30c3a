//! How an administrator consents: the sign-in, the advice before it, and the rule about roles.
//!
//! Probes decide, role names only explain: the vendor's own lists of roles contradict each other.

use purser_plugin_sdk::manifest::{AdminConsent, Claims, Consent, RoleSet};
use purser_plugin_sdk::pairs::{pair, pairs};

use super::{clouds, errors, owned, probes};

/// Tenant of all personal Microsoft accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// A refresh token that is not used for this long is dead.
const IDLE_DAYS: u32 = 90;

const ADVICE: [&str; 5] = [
    "Use a service account of the partner tenant, not a person's: consent ends when the account is disabled or leaves.",
    "Open the sign-in page in a private window, so that the browser does not silently use another account. Copy link does that.",
    "The account must sign in with multifactor authentication, itself and now: without it the consent is worthless.",
    "Give the account its roles permanently. A role activated through PIM ends after some hours, and retrieval with it.",
    "A role given in the Azure portal can take up to an hour until Partner Center knows it.",
];

const ROLE_RULE: &str = "The account needs Admin Agent, or Billing Admin together with Sales Agent. Global Admin together \
     with Sales Agent is not enough. A Global Admin is needed once only, when the application is consented to for the \
     first time in the tenant.";

/// Microsoft has no call by which an application could revoke its own grant.
const REMOVAL: &str = "In the Microsoft Entra admin center of the partner tenant open Enterprise applications, choose this \
     application, and delete it under Properties. To keep the application and end this consent only, remove its \
     permissions there, or revoke the sessions of the service account: that ends its sign-ins in all applications.";

/// Template ids of directory roles, the same in every tenant. Admin Agent and Sales Agent are groups, with an id of their
/// own in each tenant.
const ROLE_IDS: [(&str, &str); 2] = [
    ("b0f54661-2d74-4c50-afa3-1ec803f12efe", "Billing Admin"),
    ("62e90394-69f5-4237-9190-012177145e10", "Global Admin"),
];

/// The consent's description.
pub fn consent() -> Consent {
    Consent {
        authorities: clouds::authorities(),
        authorize_path: "/{tenant}/oauth2/v2.0/authorize".to_owned(),
        token_path: "/{tenant}/oauth2/v2.0/token".to_owned(),
        keys_path: "/{tenant}/discovery/v2.0/keys".to_owned(),
        issuer: "{authority}/{tenant}/v2.0".to_owned(),
        first_tenant: "organizations".to_owned(),
        scopes: owned(&["openid", "profile", "offline_access"]),
        authorize_parameters: pairs([("prompt", "select_account")]),
        claims: Claims {
            tenant: "tid".to_owned(),
            user: "oid".to_owned(),
            user_name: "preferred_username".to_owned(),
            guest: Some(pair("acct", "1")),
            roles: Some("wids".to_owned()),
        },
        personal_tenants: owned(&[CONSUMERS]),
        advice: owned(&ADVICE),
        button: "Login with your Microsoft Account".to_owned(),
        role_rule: ROLE_RULE.to_owned(),
        role_sets: role_sets(),
        role_ids: pairs(ROLE_IDS),
        probes: probes::probes(),
        error_classes: errors::classes(),
        idle_days: IDLE_DAYS,
        admin_consent: Some(AdminConsent {
            path: "/{tenant}/v2.0/adminconsent".to_owned(),
            classes: owned(&["admin_consent_required", "consent_missing", "app_not_installed"]),
        }),
        removal: REMOVAL.to_owned(),
    }
}

fn role_sets() -> Vec<RoleSet> {
    let set = |roles: &[&str], enough, note: &str, signs: &[(&str, &str)]| RoleSet {
        roles: owned(roles),
        enough,
        note: note.to_owned(),
        signs: signs.iter().map(|(probe, verdict)| pair(probe, *verdict)).collect(),
    };
    vec![
        set(&["Admin Agent"], true, "Reads customers, licences, usage and billing.", &[]),
        set(
            &["Billing Admin", "Sales Agent"],
            true,
            "Sales Agent reads customers, licences and prices; Billing Admin reads usage and billing.",
            &[],
        ),
        set(
            &["Global Admin", "Sales Agent"],
            false,
            "This pair is not enough for usage, although the portal shows it: add Billing Admin, or use Admin Agent.",
            &[(probes::CUSTOMERS, "ok"), (probes::EXPORTS, "missing")],
        ),
        set(&["Sales Agent"], false, "Reads customers and prices, but no usage and no billing.", &[]),
        set(&["Helpdesk Agent"], false, "Reads customers, but no usage and no billing.", &[]),
        set(
            &["Global Admin"],
            false,
            "Needed once, for the first consent in the tenant; not enough to retrieve anything.",
            &[],
        ),
    ]
}
