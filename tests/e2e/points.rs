//! What the reference asks of a consent, each point with the tests that cover it: the best current practice for OAuth
//! (`reference/microsoft-auth.md` 6.1), the checks of an id token and of a flow (6.2), the token vault (6.3), and the tables
//! of what may come of a consent (there 1.8 and 2.6, and `reference/product.md` 5.4).

use crate::traps::all_functions;

/// A point: where the reference lists it, what it asks, and the functions that test it.
type Point = (&'static str, &'static str, &'static [&'static str]);

/// RFC 9700, mapped.
const PRACTICE: &[Point] = &[
    (
        "6.1 redirect URIs",
        "one fixed path for each connector and cloud, made from the configured URL, never from the request",
        &[
            "an_answer_at_another_connectors_redirect_is_refused",
            "no_address_is_made_from_what_a_request_says_of_its_host",
            "the_right_user_is_shown_confirmed_probed_and_connected",
        ],
    ),
    (
        "6.1 open redirect",
        "where a person goes next is never a parameter's to say",
        &["no_parameter_leads_to_another_site", "signing_in_never_leads_to_another_site"],
    ),
    (
        "6.1 state",
        "random, hashed in the store, bound to the session, ten minutes, good once, used up before the code",
        &[
            "a_wrong_missing_or_doubled_state_is_refused",
            "a_replayed_answer_is_refused",
            "an_expired_flow_and_another_session_are_refused",
            "another_browser_session_cannot_finish_a_flow",
            "a_state_confirms_nothing_and_a_confirmation_is_no_state",
            "each_sign_in_has_its_own_state_nonce_and_challenge",
        ],
    ),
    (
        "6.1 PKCE",
        "always S256, the verifier on the server only",
        &[
            "the_redirect_asks_for_everything_at_once_and_hides_the_verifier",
            "the_verifier_is_nowhere_but_in_the_token_request",
        ],
    ),
    (
        "6.1 PKCE downgrade",
        "a flow with a wrong verifier fails",
        &[
            "a_code_of_another_sign_in_fails_by_its_pkce_challenge",
            "the_code_of_one_flow_does_not_fit_the_verifier_of_another",
        ],
    ),
    (
        "6.1 mix-up",
        "an answer that names another issuer is refused, before its code goes anywhere",
        &[
            "an_answer_that_names_another_issuer_is_refused_before_its_code_is_redeemed",
            "a_keys_own_issuer_and_the_redirects_issuer_must_fit",
            "an_answer_at_another_connectors_redirect_is_refused",
        ],
    ),
    (
        "6.1 implicit grant",
        "never",
        &[
            "the_redirect_asks_for_everything_at_once_and_hides_the_verifier",
            "no_source_asks_for_a_grant_that_is_forbidden",
        ],
    ),
    (
        "6.1 refresh tokens",
        "confidential on the way and at rest; the vendor keeps old ones valid, so they are replaced at once",
        &[
            "a_sealed_grant_opens_for_its_own_identity_and_kind_only",
            "the_new_refresh_token_is_stored_before_the_access_token_is_used",
            "planted_secrets_are_in_no_file_log_export_or_page",
        ],
    ),
    (
        "6.1 least privilege",
        "one audience a token",
        &["an_exchange_asks_for_one_audience_with_the_stored_token"],
    ),
    ("6.1 password grant", "never", &["no_source_asks_for_a_grant_that_is_forbidden"]),
    (
        "6.1 Referer and history",
        "no code in an address that stays, no referrer, nothing cached",
        &[
            "the_callback_leaves_no_trace_of_its_code",
            "without_a_session_the_code_is_not_carried_to_the_sign_in_page",
            "every_answer_carries_the_security_headers",
        ],
    ),
    (
        "6.1 after a POST",
        "303, which drops the body",
        &["what_is_posted_is_redirected_with_see_other_and_nothing_else"],
    ),
    ("6.1 proxy headers", "none is believed", &["no_address_is_made_from_what_a_request_says_of_its_host"]),
    ("6.1 clickjacking", "no page may be framed", &["no_page_may_be_framed_whoever_asks"]),
    (
        "6.1 code replay",
        "a code is offered once, and a used one is refused",
        &[
            "a_replayed_code_with_a_fresh_state_is_refused_by_the_vendor",
            "a_redirect_of_the_token_endpoint_is_not_followed",
        ],
    ),
    (
        "6.1 client authentication",
        "an assertion signed by a certificate, new with each request, exchanged without a gap",
        &[
            "a_certificate_proves_itself_by_a_new_statement_each_time_and_shows_no_secret",
            "certificates_are_exchanged_without_a_failed_run",
        ],
    ),
];

/// The checks of an id token and of a flow.
const CHECKS: &[Point] = &[
    (
        "6.2 signature",
        "RS256 by a key of the authority, found by its id",
        &["only_rs256_by_a_key_of_the_authority_is_a_signature", "a_proof_that_nobody_signed_is_refused"],
    ),
    (
        "6.2 algorithm confusion",
        "neither `none` nor the public key as a shared secret, nor a key that the token brings along",
        &[
            "a_proof_signed_with_the_public_key_as_a_shared_secret_is_refused",
            "a_proof_without_a_signature_is_refused_however_none_is_spelled",
            "a_key_that_a_proof_brings_along_or_points_to_is_not_used",
        ],
    ),
    (
        "6.2 issuer",
        "by the template with the token's own tenant; the key's issuer too",
        &["a_keys_own_issuer_and_the_redirects_issuer_must_fit", "a_proof_of_another_issuer_is_refused"],
    ),
    (
        "6.2 audience, times, nonce",
        "for us, for now within five minutes, for this sign-in",
        &[
            "an_id_token_that_is_not_exactly_right_is_refused",
            "a_proof_of_another_sign_in_is_refused",
            "a_proof_for_another_application_is_refused",
        ],
    ),
    (
        "6.2 who it is",
        "no consumer account, no guest, on renewal no other tenant",
        &[
            "who_must_not_sign_in_is_refused",
            "a_renewal_by_another_tenant_is_a_hard_stop_that_keeps_the_old_grant",
            "renewing_with_a_user_of_another_tenant_leaves_the_old_grant",
        ],
    ),
    (
        "6.2 failures are told",
        "each with its code, none behind a redirect",
        &["refusals_of_the_token_endpoint_are_classified", "a_refused_answer_is_a_page_with_code_and_remedy"],
    ),
    (
        "6.2 who may begin and finish",
        "only who is signed in, in the same session",
        &[
            "the_consent_pages_are_for_those_who_are_signed_in",
            "every_route_refuses_every_role_below_its_own_and_everybody_without_a_session",
            "another_browser_session_cannot_finish_a_flow",
        ],
    ),
    (
        "6.2 SSRF",
        "hosts come from the descriptor and the configuration; absolute URLs only as received, without a token",
        &[
            "addresses_inside_are_refused_unless_the_operator_names_them",
            "an_absolute_url_must_continue_one_the_vendor_sent",
            "downloads_go_to_listed_hosts_only_and_carry_nothing",
            "no_spelling_of_a_foreign_address_gets_a_request",
            "no_token_is_sent_to_a_download_host",
            "redirects_stay_at_the_endpoint_or_lose_the_token",
        ],
    ),
    (
        "6.2 sizes, times, redirects",
        "the token endpoint is capped, timed, and redirects nowhere",
        &[
            "a_redirect_of_the_token_endpoint_is_not_followed",
            "an_endless_answer_of_the_token_endpoint_is_cut_off",
            "a_token_endpoint_that_does_not_answer_in_time_is_given_up",
        ],
    ),
];

/// The token vault.
const VAULT: &[Point] = &[
    (
        "6.3 envelope",
        "a data key for each record, authenticated, bound to account, connector, tenant and kind",
        &[
            "a_sealed_grant_opens_for_its_own_identity_and_kind_only",
            "any_changed_byte_keeps_it_closed",
            "no_secret_is_in_clear_in_what_is_sealed",
        ],
    ),
    (
        "6.3 key versions",
        "old keys open until all is wrapped anew; a missing key is named and overwrites nothing",
        &[
            "after_rotation_old_grants_open_and_are_rewrapped_without_the_old_key",
            "another_key_of_the_same_version_opens_nothing",
            "a_missing_key_is_named_and_nothing_is_asked",
            "the_file_is_private_and_never_overwritten_by_a_new_one",
        ],
    ),
    (
        "6.3 nothing in sight",
        "access tokens in memory only; nothing in logs, pages, exports, files or what is displayed",
        &[
            "planted_secrets_are_in_no_file_log_export_or_page",
            "no_secret_is_logged_even_at_trace_level",
            "no_secret_is_in_what_is_displayed_or_debugged",
            "a_panic_amid_a_consent_prints_no_secret",
            "a_crash_leaves_no_core_file",
            "each_form_of_a_secret_is_found",
            "debug_shows_a_placeholder",
        ],
    ),
    (
        "6.3 one refresh at a time",
        "the new token is stored before the access token is used; where the store fails the old one stands",
        &[
            "two_tasks_make_one_exchange",
            "the_new_refresh_token_is_stored_before_the_access_token_is_used",
            "an_access_token_is_not_used_when_the_refresh_token_can_not_be_stored",
            "where_another_process_was_faster_its_token_is_taken_up",
        ],
    ),
    (
        "6.3 plugins",
        "are given no token of any kind, and reach only what was granted",
        &[
            "what_was_not_granted_is_never_sent",
            "no_call_may_set_the_headers_that_carry_the_token",
            "a_plugin_that_reads_all_of_its_memory_finds_no_secret_there",
            "a_plugin_that_asks_for_orders_cancellations_or_users_is_refused_and_shown",
        ],
    ),
    (
        "6.3 disconnecting",
        "jobs stop, the grant is erased, tokens are dropped",
        &["pause_resume_and_disconnect_are_carried_out_in_the_persons_name"],
    ),
    (
        "6.3 the audit trail",
        "nothing in it is changed or removed",
        &["nobody_changes_or_removes_an_audit_entry"],
    ),
    (
        "6.3 re-wrapping",
        "versioned keys, re-wrapped while serving; the old one readable until then; a missing or wrong one refuses to start",
        &[
            "keys_are_rotated_and_retired_while_a_server_serves",
            "no_grant_is_lost_while_keys_are_rotated_ten_times",
            "a_wrong_or_missing_key_refuses_to_start_and_overwrites_nothing",
        ],
    ),
    (
        "6.3 alerts",
        "refreshing fails, a grant is idle, a credential ends, MFA or a role is gone: at once, again by stages, until it ends",
        &[
            "a_scheduled_account_whose_grant_is_not_renewed_for_more_than_a_day_is_told",
            "a_grant_nobody_uses_is_told_before_its_end_and_after_it",
            "the_end_of_the_last_credential_is_told_by_stages_and_after_it",
            "season_of_120_days_loses_no_day_that_the_vendor_still_serves",
        ],
    ),
    (
        "6.3 crypto-shredding",
        "disconnecting leaves no sealed text that a key opens",
        &["after_a_disconnect_nothing_that_was_ever_sealed_is_in_any_file"],
    ),
];

/// What may come of a consent, at the callback and later: state, text and remedy.
const CALLBACKS: &[Point] = &[
    ("5.4 cancelled", "nothing is stored; try again", &["a_cancelled_sign_in_says_so"]),
    (
        "5.4 somebody else signed in",
        "a personal account, a guest, whoever the browser remembers: said, and asked before anything is stored",
        &[
            "a_personal_account_is_refused",
            "a_guest_is_refused",
            "the_right_user_is_shown_confirmed_probed_and_connected",
        ],
    ),
    (
        "5.4 another tenant on renewal",
        "the old grant stands; retry, or connect it as an account of its own",
        &[
            "renewing_with_a_user_of_another_tenant_leaves_the_old_grant",
            "an_answer_of_another_tenant_on_renewal_changes_nothing_and_says_so",
        ],
    ),
    (
        "5.4 no MFA",
        "new consent with it; in the token's evidence and in 50076",
        &[
            "a_user_without_mfa_must_consent_anew_and_is_told_why",
            "every_token_error_of_a_stored_grant_sets_state_text_and_remedy",
        ],
    ),
    ("5.4 MFA expired", "50078, renew", &["every_token_error_of_a_stored_grant_sets_state_text_and_remedy"]),
    (
        "5.4 role lapsed",
        "typical for PIM: assign it permanently; no new consent",
        &[
            "a_role_that_lapses_is_told_as_such_and_mends_by_itself_when_it_returns",
            "season_of_120_days_loses_no_day_that_the_vendor_still_serves",
        ],
    ),
    (
        "5.4 Global Admin + Sales Agent",
        "the pair is named; add Billing Admin, or use Admin Agent",
        &[
            "global_admin_and_sales_agent_are_not_enough",
            "a_set_is_named_only_where_all_its_signs_show_and_no_told_role_contradicts",
        ],
    ),
    (
        "5.4 consent lost or expired",
        "password reset, disabled, unused, removed: another permitted user consents in its place",
        &[
            "every_token_error_of_a_stored_grant_sets_state_text_and_remedy",
            "a_renewal_by_another_user_says_so_and_is_audited_with_both_and_keeps_the_settings",
            "season_of_120_days_loses_no_day_that_the_vendor_still_serves",
        ],
    ),
    (
        "5.4 admin approval",
        "a link for the tenant's administrator; a link for a partner without an account here",
        &[
            "a_refusal_that_an_administrator_mends_shows_the_link_and_following_it_works",
            "an_account_whose_grant_is_refused_so_shows_the_link_of_its_tenant",
            "a_partner_without_an_account_connects_and_nothing_uses_it_before_an_operator_accepts",
        ],
    ),
    ("5.4 unknown code", "as it came, with trace id", &["a_token_error_nobody_knows_is_shown_as_it_came"]),
    (
        "1.8 token errors",
        "each number, at sign-in and for a stored grant; a transient one never ends a consent",
        &[
            "every_token_error_at_sign_in_is_told_with_its_remedy_and_stores_nothing",
            "every_token_error_of_a_stored_grant_sets_state_text_and_remedy",
            "a_refusal_becomes_what_its_class_says_and_ends_neither_a_pause_nor_anything_by_being_transient",
        ],
    ),
    (
        "2.6 refusals of interfaces",
        "each code; what nobody knows blocks nothing and mends nothing",
        &[
            "every_refusal_of_an_interface_sets_state_text_and_remedy_and_ends_with_it",
            "a_refusal_for_one_customer_is_no_fault_of_the_consent",
            "a_table_mends_what_it_sees_working_and_neither_a_pause_nor_a_refused_grant",
        ],
    ),
];

fn all() -> impl Iterator<Item = &'static Point> {
    PRACTICE.iter().chain(CHECKS).chain(VAULT).chain(CALLBACKS)
}

#[test]
fn every_point_of_the_reference_is_covered_by_a_test_that_is_there() {
    let names = all_functions();
    for (id, what, tests) in all() {
        assert!(!tests.is_empty(), "{id}, {what}: no test");
        for test in *tests {
            assert!(names.contains(*test), "{id}, {what}: there is no test {test}");
        }
    }
}

/// The threat model names tests as well, between backticks.
#[test]
fn every_test_the_threat_model_names_is_there() {
    let names = all_functions();
    // Gated tests are made at run time, with names that are texts.
    let gated = include_str!("../gated/sign_in_servers.rs");
    let threats = include_str!("../../host/purser/docs/security.md");
    let words = threats.split('`').filter(|word| word.matches('_').count() > 3 && !word.contains([' ', '/']));
    let named: Vec<&str> = words.collect();
    assert!(named.len() > 20, "{named:?}");
    for test in named {
        let is_there = names.contains(test) || gated.contains(&format!("\"{test}\""));
        assert!(is_there, "there is no test {test}");
    }
}

#[test]
fn every_point_the_issue_names_has_its_row() {
    let listed: Vec<&str> = all().map(|(id, ..)| *id).collect();
    for named in [
        "state",
        "PKCE",
        "mix-up",
        "code replay",
        "open redirect",
        "issuer",
        "algorithm confusion",
        "clickjacking",
        "Referer",
        "nonce",
    ] {
        assert!(listed.iter().any(|id| id.contains(named)), "{named} has no row");
    }
    let of_vault = listed.iter().filter(|id| id.starts_with("6.3")).count();
    assert!(of_vault >= 9, "6.3 has nine lines");
}

/// The resource owner password grant and the implicit one: neither by name nor by the library's methods.
#[test]
fn no_source_asks_for_a_grant_that_is_forbidden() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut read = 0;
    let mut waiting = vec![root.join("host"), root.join("plugins")];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for forbidden in ["exchange_password", "use_implicit_flow", "grant_type=password"] {
                    assert!(!text.contains(forbidden), "{forbidden} in {}", path.display());
                }
                read += 1;
            }
        }
    }
    assert!(read > 100, "only {read} sources were read");
}
