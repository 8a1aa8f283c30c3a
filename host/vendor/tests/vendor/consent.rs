//! Consent, from the redirect to the confirmed grant, and every way it is refused.

use std::collections::BTreeMap;

use purser_vendor::connector::AdminConsent;
use purser_vendor::consent::{Confirmation, ConsentError, Renewal, admin_link, admin_mends};
use purser_vendor::vault::{GrantIdentity, Kind};
use serde_json::{Value, json};
use url::Url;

use crate::fake::{PERSONAL, REDIRECT, TENANT};
use crate::world::{ACCOUNT, World};

const SESSION: &[u8] = b"session-1";
const OTHER_TENANT: &str = "99999999-2222-3333-4444-555555555555";

type Query = Vec<(String, String)>;

async fn begin(world: &World) -> Url {
    world.consent.begin(&world.connector, SESSION, None).await.unwrap().redirect
}

async fn finish(world: &World, query: &Query) -> Result<Confirmation, ConsentError> {
    world.consent.finish(&world.connector, query, SESSION).await
}

/// Somebody with these claims signs in.
async fn signed_in(world: &World, claims: Value) -> Result<Confirmation, ConsentError> {
    let redirect = begin(world).await;
    finish(world, &world.vendor.sign_in(&redirect, world.now(), claims)).await
}

async fn renewed(world: &World, claims: Value) -> Result<Confirmation, ConsentError> {
    let renewal =
        Renewal { tenant: TENANT.into(), user_name: "service@example.net".into(), user_id: "user-1".into() };
    let begun = world.consent.begin(&world.connector, SESSION, Some(renewal)).await.unwrap();
    finish(world, &world.vendor.sign_in(&begun.redirect, world.now(), claims)).await
}

fn asked(redirect: &Url) -> BTreeMap<String, String> {
    redirect.query_pairs().into_owned().collect()
}

fn changed(mut query: Query, name: &str, value: &str) -> Query {
    query.retain(|(given, _)| given != name);
    query.push((name.into(), value.into()));
    query
}

#[tokio::test]
async fn the_redirect_asks_for_everything_at_once_and_hides_the_verifier() {
    let world = World::new().await;
    let redirect = begin(&world).await;
    assert_eq!(redirect.path(), "/login/organizations/authorize");
    let asked = asked(&redirect);
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["redirect_uri"], REDIRECT);
    assert_eq!(asked["scope"], "openid offline_access https://api.example.net/read");
    assert_eq!(asked["prompt"], "select_account");
    assert_eq!(asked["code_challenge"].len(), 43);
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() == 43);
    let stored = format!("{:?}", world.flows.0.lock().unwrap());
    assert!(!stored.contains(&asked["state"]) && !stored.contains(&asked["nonce"]));
}

#[tokio::test]
async fn the_link_for_an_administrator_asks_for_all_scopes_and_carries_nothing_secret() {
    let mut world = World::new().await;
    assert_eq!(admin_link(&world.connector, None, "back"), None, "a vendor without such a page");
    let rules = world.connector.consent.as_mut().unwrap();
    rules.admin_consent = Some(AdminConsent {
        path: "/{tenant}/consent-for-all".into(),
        classes: ["admin_consent_required".to_owned()].into(),
    });
    let link = admin_link(&world.connector, None, "back").unwrap();
    assert!(link.path().ends_with("/organizations/consent-for-all"), "{link}");
    let asked = asked(&link);
    let names: Vec<&str> = asked.keys().map(String::as_str).collect();
    assert_eq!(names, ["client_id", "redirect_uri", "scope", "state"]);
    assert_eq!(asked["scope"], "openid offline_access https://api.example.net/read");
    assert_eq!((asked["redirect_uri"].as_str(), asked["state"].as_str()), (REDIRECT, "back"));
    let of_tenant = admin_link(&world.connector, Some(TENANT), "back").unwrap();
    assert!(of_tenant.path().contains(TENANT), "{of_tenant}");
    assert!(admin_mends(&world.connector, "CON-ADMIN-CONSENT-REQUIRED"));
    assert!(!admin_mends(&world.connector, "CON-MFA-REQUIRED"));
}

#[tokio::test]
async fn a_consent_ends_in_a_grant_only_after_it_is_confirmed() {
    let world = World::new().await;
    let confirmation = signed_in(&world, json!({})).await.unwrap();
    assert_eq!(confirmation.user_name, "service@example.net");
    assert_eq!((confirmation.tenant.as_str(), confirmation.user_id.as_str()), (TENANT, "user-1"));
    assert!(!confirmation.is_renewal && !confirmation.other_user);
    assert_eq!(world.stored_token(), "planted-refresh-0", "nothing is stored by finish");
    let grant = world.consent.confirm(&confirmation.handle, SESSION).await.unwrap();
    let sealed = grant.seal(&world.vault, ACCOUNT).unwrap();
    let identity = GrantIdentity { account: ACCOUNT, connector: &world.connector.id, tenant: TENANT };
    let token = world.vault.open_grant(identity, Kind::RefreshToken, &sealed.bytes).unwrap();
    assert_eq!(token.expose(), "planted-refresh-1");
    let asked = &world.vendor.token_requests()[0];
    assert_eq!(asked["scope"], "openid offline_access https://api.example.net/read");
    assert!(world.flows.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_confirmation_is_good_once_for_its_session_and_for_a_time() {
    let world = World::new().await;
    let handle = signed_in(&world, json!({})).await.unwrap().handle;
    world.consent.confirm(&handle, SESSION).await.unwrap();
    assert_eq!(world.consent.confirm(&handle, SESSION).await.unwrap_err(), ConsentError::Replayed);
    let handle = signed_in(&world, json!({})).await.unwrap().handle;
    assert_eq!(world.consent.confirm(&handle, b"other").await.unwrap_err(), ConsentError::OtherSession);
    let handle = signed_in(&world, json!({})).await.unwrap().handle;
    world.consent.cancel(&handle, SESSION).await.unwrap();
    assert_eq!(world.consent.confirm(&handle, SESSION).await.unwrap_err(), ConsentError::Replayed);
    let handle = signed_in(&world, json!({})).await.unwrap().handle;
    world.clock.advance(600);
    assert_eq!(world.consent.confirm(&handle, SESSION).await.unwrap_err(), ConsentError::Expired);
    assert_eq!(world.consent.confirm("forged", SESSION).await.unwrap_err(), ConsentError::WrongState);
}

#[tokio::test]
async fn a_state_confirms_nothing_and_a_confirmation_is_no_state() {
    let world = World::new().await;
    let state = asked(&begin(&world).await)["state"].clone();
    assert_eq!(world.consent.confirm(&state, SESSION).await.unwrap_err(), ConsentError::WrongState);
    let handle = signed_in(&world, json!({})).await.unwrap().handle;
    let query = vec![("code".into(), "code-1".into()), ("state".into(), handle)];
    assert_eq!(finish(&world, &query).await.unwrap_err(), ConsentError::WrongState);
}

#[tokio::test]
async fn a_wrong_missing_or_doubled_state_is_refused() {
    let world = World::new().await;
    let query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    let forged = changed(query.clone(), "state", "forged");
    assert_eq!(finish(&world, &forged).await.unwrap_err(), ConsentError::WrongState);
    let none: Query = query.iter().filter(|(name, _)| name != "state").cloned().collect();
    assert_eq!(finish(&world, &none).await.unwrap_err(), ConsentError::WrongState);
    let doubled = [query.clone(), vec![("state".into(), "x".into())]].concat();
    assert_eq!(finish(&world, &doubled).await.unwrap_err(), ConsentError::WrongState);
    assert!(world.vendor.token_requests().is_empty(), "no code was redeemed");
    assert!(ConsentError::WrongState.is_security_event());
}

#[tokio::test]
async fn a_replayed_answer_is_refused() {
    let world = World::new().await;
    let query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    finish(&world, &query).await.unwrap();
    assert_eq!(finish(&world, &query).await.unwrap_err(), ConsentError::Replayed);
    assert_eq!(world.vendor.token_requests().len(), 1);
}

#[tokio::test]
async fn a_replayed_code_with_a_fresh_state_is_refused_by_the_vendor() {
    let world = World::new().await;
    let used = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    finish(&world, &used).await.unwrap();
    let fresh = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    let error = finish(&world, &changed(fresh, "code", &used[0].1)).await.unwrap_err();
    assert_eq!(error.code(), "CON-CODE-REUSED");
    assert!(error.is_security_event());
}

#[tokio::test]
async fn an_expired_flow_and_another_session_are_refused() {
    let world = World::new().await;
    let query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    world.clock.advance(601);
    assert_eq!(finish(&world, &query).await.unwrap_err(), ConsentError::Expired);
    let query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    let other = world.consent.finish(&world.connector, &query, b"session-2").await;
    assert_eq!(other.unwrap_err(), ConsentError::OtherSession);
    assert_eq!(finish(&world, &query).await.unwrap_err(), ConsentError::Replayed, "the state is burnt");
}

#[tokio::test]
async fn an_answer_at_another_connectors_redirect_is_refused() {
    let world = World::new().await;
    let query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    let mut other = world.connector.clone();
    other.cloud = "elsewhere".into();
    let outcome = world.consent.finish(&other, &query, SESSION).await;
    assert_eq!(outcome.unwrap_err(), ConsentError::WrongState);
}

#[tokio::test]
async fn errors_of_the_authorize_page_are_classified_and_their_text_is_not_shown() {
    for (error, description, code) in [
        ("access_denied", "the user said no", "CON-CANCELLED"),
        ("access_denied", "XYZ90094: an administrator must consent", "CON-ADMIN-CONSENT-REQUIRED"),
        ("invalid_request", "planted", "CON-UNKNOWN"),
    ] {
        let world = World::new().await;
        let state = asked(&begin(&world).await)["state"].clone();
        let query: Query = [("error", error), ("error_description", description), ("state", &state)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let refused = finish(&world, &query).await.unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(!format!("{refused} {refused:?}").contains("planted"));
        assert_eq!(finish(&world, &query).await.unwrap_err(), ConsentError::Replayed);
    }
}

#[tokio::test]
async fn refusals_of_the_token_endpoint_are_classified() {
    for (error, number, code) in [
        ("invalid_grant", 50_076, "CON-MFA-REQUIRED"),
        ("invalid_client", 7_000_215, "CON-OPERATOR-CREDENTIAL"),
        ("consent_required", 90_094, "CON-ADMIN-CONSENT-REQUIRED"),
    ] {
        let world = World::new().await;
        let body = json!({"error": error, "error_codes": [number], "error_description": "planted"});
        world.vendor.token_answers(400, &[], serde_json::to_vec(&body).unwrap());
        let refused = signed_in(&world, json!({})).await.unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(refused.remedy().starts_with("remedy of "));
        assert!(world.flows.0.lock().unwrap().is_empty(), "nothing waits to be confirmed");
    }
}

#[tokio::test]
async fn a_busy_or_unreadable_token_endpoint_is_told_apart_from_a_refusal() {
    let world = World::new().await;
    world.vendor.token_answers(503, &[], "");
    assert_eq!(signed_in(&world, json!({})).await.unwrap_err(), ConsentError::Busy);
    world.vendor.token_answers(200, &[("content-type", "application/json")], "{}");
    assert_eq!(signed_in(&world, json!({})).await.unwrap_err(), ConsentError::Unreadable);
}

#[tokio::test]
async fn a_code_of_another_sign_in_fails_by_its_pkce_challenge() {
    let world = World::new().await;
    let attackers = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    let victims = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    let error = finish(&world, &changed(victims, "code", &attackers[0].1)).await.unwrap_err();
    assert_eq!(error.code(), "CON-PKCE-MISMATCH");
    assert!(error.is_security_event());
}

#[tokio::test]
async fn who_must_not_sign_in_is_refused() {
    for (claims, expected) in [
        (json!({"tid": PERSONAL}), ConsentError::PersonalAccount),
        (json!({"acct": 1}), ConsentError::Guest),
        (json!({"acct": "1"}), ConsentError::Guest),
    ] {
        let world = World::new().await;
        assert_eq!(signed_in(&world, claims).await.unwrap_err(), expected);
    }
    let world = World::new().await;
    assert!(signed_in(&world, json!({"acct": 0})).await.is_ok());
}

#[tokio::test]
async fn an_id_token_that_is_not_exactly_right_is_refused() {
    let world = World::new().await;
    let (now, base) = (world.now(), world.vendor.base.clone());
    let foreign = format!("{base}login/{OTHER_TENANT}/v2");
    for (claims, expected) in [
        (json!({"nonce": "another"}), ConsentError::WrongNonce),
        (json!({"nonce": null}), ConsentError::WrongNonce),
        (json!({"aud": "somebody"}), ConsentError::WrongAudience),
        (json!({"aud": ["client-1", "somebody"]}), ConsentError::WrongAudience),
        (json!({"iss": "https://evil.test/v2"}), ConsentError::WrongIssuer),
        (json!({"iss": foreign}), ConsentError::WrongIssuer),
        (
            json!({"tid": "not-a-guid", "iss": format!("{base}login/not-a-guid/v2")}),
            ConsentError::WrongIssuer,
        ),
        (json!({"exp": now - 301}), ConsentError::NotNow),
        (json!({"nbf": now + 301}), ConsentError::NotNow),
        (json!({"exp": null}), ConsentError::Incomplete),
        (json!({"tid": null}), ConsentError::Incomplete),
        (json!({"oid": null}), ConsentError::Incomplete),
    ] {
        let shown = claims.to_string();
        assert_eq!(signed_in(&world, claims).await.unwrap_err(), expected, "{shown}");
    }
    assert!(signed_in(&world, json!({"exp": now - 299, "nbf": now + 299})).await.is_ok());
}

#[tokio::test]
async fn only_rs256_by_a_key_of_the_authority_is_a_signature() {
    for header in [
        json!({"alg": "none", "kid": "k1"}),
        json!({"alg": "HS256", "kid": "k1"}),
        json!({"alg": "RS512", "kid": "k1"}),
        json!({"alg": "RS256", "kid": "unknown"}),
        json!({"alg": "RS256", "kid": "other"}),
        json!({"alg": "RS256"}),
    ] {
        let world = World::new().await;
        world.vendor.with(|inner| inner.id_token_header = header.clone());
        assert_eq!(signed_in(&world, json!({})).await.unwrap_err(), ConsentError::BadSignature, "{header}");
    }
    let world = World::new().await;
    world.vendor.with(|inner| inner.key_members.insert("e".into(), json!("Aw")));
    assert_eq!(signed_in(&world, json!({})).await.unwrap_err(), ConsentError::BadSignature);
}

#[tokio::test]
async fn a_keys_own_issuer_and_the_redirects_issuer_must_fit() {
    let world = World::new().await;
    let template = format!("{}login/{{tenantid}}/v2", world.vendor.base);
    world.vendor.with(|inner| inner.key_members.insert("issuer".into(), template.into()));
    assert!(signed_in(&world, json!({})).await.is_ok());
    let consumers = format!("{}login/{PERSONAL}/v2", world.vendor.base);
    world.vendor.with(|inner| inner.key_members.insert("issuer".into(), consumers.into()));
    assert_eq!(signed_in(&world, json!({})).await.unwrap_err(), ConsentError::WrongIssuer);

    let world = World::new().await;
    let issuer = format!("{}login/{TENANT}/v2", world.vendor.base);
    for (iss, fits) in [(issuer.as_str(), true), ("https://evil.test", false)] {
        let query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
        let outcome = finish(&world, &changed(query, "iss", iss)).await;
        assert_eq!(outcome.err(), (!fits).then_some(ConsentError::WrongIssuer));
    }
}

#[tokio::test]
async fn a_vendor_that_names_nobody_or_gives_nothing_lasting_is_refused() {
    let world = World::new().await;
    let json_type = [("content-type", "application/json")];
    world.vendor.token_answers(
        200,
        &json_type,
        r#"{"access_token":"a","refresh_token":"r","token_type":"Bearer"}"#,
    );
    assert_eq!(signed_in(&world, json!({})).await.unwrap_err(), ConsentError::NoIdToken);
    world.vendor.with(|inner| inner.keeps_refresh_token = true);
    assert_eq!(signed_in(&world, json!({})).await.unwrap_err(), ConsentError::NoRefreshToken);
    let state = asked(&begin(&world).await)["state"].clone();
    assert_eq!(finish(&world, &vec![("state".into(), state)]).await.unwrap_err(), ConsentError::NoCode);
}

#[tokio::test]
async fn a_renewal_hints_its_user_at_its_tenant_and_does_not_prompt_to_choose() {
    let world = World::new().await;
    let renewal =
        Renewal { tenant: TENANT.into(), user_name: "service@example.net".into(), user_id: "user-1".into() };
    let redirect = world.consent.begin(&world.connector, SESSION, Some(renewal)).await.unwrap().redirect;
    assert_eq!(redirect.path(), format!("/login/{TENANT}/authorize"));
    assert_eq!(asked(&redirect)["login_hint"], "service@example.net");
    assert!(!asked(&redirect).contains_key("prompt"));
}

#[tokio::test]
async fn a_renewal_by_another_tenant_is_a_hard_stop_that_keeps_the_old_grant() {
    let world = World::new().await;
    assert_eq!(renewed(&world, json!({"tid": OTHER_TENANT})).await.unwrap_err(), ConsentError::WrongTenant);
    assert!(world.flows.0.lock().unwrap().is_empty());
    assert_eq!(world.stored_token(), "planted-refresh-0");
}

#[tokio::test]
async fn a_renewal_by_another_user_of_the_tenant_is_pointed_out() {
    let world = World::new().await;
    assert!(!renewed(&world, json!({})).await.unwrap().other_user);
    let confirmation = renewed(&world, json!({"oid": "user-2"})).await.unwrap();
    assert!(confirmation.is_renewal && confirmation.other_user);
}
