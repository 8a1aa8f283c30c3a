//! The token endpoint: codes and refresh tokens in, tokens for one resource out, errors with AADSTS numbers.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::users::User;
use super::{ACCESS_SECONDS, Audience, Code, Flow, IDLE_DAYS, Refresh, admin, client, keys};
use crate::cloud::{Cloud, lock};
use crate::http::answer::{json_value, query_of, value_of, with_header};

/// A refusal: status, `error`, AADSTS number, words.
pub(super) type Refused = (u16, &'static str, u32, &'static str);

pub(super) async fn token(
    State(cloud): State<Arc<Cloud>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form = query_of(Some(&body));
    let answer = match client::check(&cloud, &tenant, &headers, &form).and_then(|()| check_faults(&cloud)) {
        Err(refused) => Err(refused),
        Ok(()) => match value_of(&form, "grant_type") {
            Some("authorization_code") => check_user(&cloud).and_then(|()| redeem(&cloud, &tenant, &form)),
            Some("refresh_token") => check_user(&cloud).and_then(|()| renew(&cloud, &tenant, &form)),
            Some("client_credentials") => of_application(&cloud, &tenant, &form),
            _ => Err((400, "unsupported_grant_type", 70_003, "The grant type is not supported.")),
        },
    };
    let refusal = cloud.faults().token_refusal.filter(|told| !admin::mends(&cloud, told.code));
    let response = match (answer, &refusal) {
        (Ok(_), Some(told)) => error(&cloud, (400, told.error.as_str(), told.code, "Simulated.")),
        (Ok(body), None) => json_value(200, &body),
        (Err(refused), _) => error(&cloud, refused),
    };
    with_header(with_header(response, "Cache-Control", "no-store"), "Pragma", "no-cache")
}

fn check_faults(cloud: &Cloud) -> Result<(), Refused> {
    if cloud.takes_transient_error() {
        return Err((
            503,
            "temporarily_unavailable",
            90_033,
            "A transient error has occurred. Please try again.",
        ));
    }
    if cloud.fault(|faults| faults.secret_expired) {
        return Err((401, "invalid_client", 7_000_222, "The provided client secret keys are expired."));
    }
    Ok(())
}

/// What may be wrong with the person who consented; the application's own tokens do not care.
fn check_user(cloud: &Cloud) -> Result<(), Refused> {
    let faults = cloud.faults();
    let refusals: [(bool, Refused); 4] = [
        (
            faults.expired_grant,
            (400, "invalid_grant", 700_082, "The refresh token has expired due to inactivity."),
        ),
        (
            faults.revoked_grant,
            (400, "invalid_grant", 50_173, "The provided grant has expired due to it being revoked."),
        ),
        (faults.user_disabled, (400, "invalid_grant", 50_057, "The user account is disabled.")),
        (
            faults.mfa_expired,
            (400, "invalid_grant", 50_076, "You must use multifactor authentication to access this."),
        ),
    ];
    refusals.into_iter().find(|(on, _)| *on).map_or(Ok(()), |(_, refused)| Err(refused))
}

/// The application's own token: for all its permissions on one resource, in one tenant that is known by its id.
fn of_application(cloud: &Cloud, tenant: &str, form: &[(String, String)]) -> Result<Value, Refused> {
    if !tenant.eq_ignore_ascii_case(&cloud.world.tenant) {
        return Err((400, "unauthorized_client", 700_016, "The application was not found in the directory."));
    }
    let scope = value_of(form, "scope").unwrap_or("");
    let audience = scope.strip_suffix("/.default").and_then(Audience::of_scope).ok_or((
        400,
        "invalid_scope",
        1_002_012,
        "The scope of client credentials must end in /.default.",
    ))?;
    Ok(json!({
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "ext_expires_in": ACCESS_SECONDS,
        "access_token": cloud.entra.issue_application(audience, cloud.now()),
    }))
}

fn redeem(cloud: &Cloud, tenant: &str, form: &[(String, String)]) -> Result<Value, Refused> {
    let now = cloud.now();
    let (flow, user) = {
        let mut codes = lock(&cloud.entra.codes);
        let unknown = (400, "invalid_grant", 70_000, "The code is malformed or not known.");
        let code = value_of(form, "code").and_then(|code| codes.get_mut(code)).ok_or(unknown)?;
        check_code(code, tenant, form, now)?;
        code.used = true;
        (code.flow.clone(), code.user)
    };
    let user =
        cloud.entra.user(user).ok_or((400, "invalid_grant", 50_034, "The user account does not exist."))?;
    let scope = value_of(form, "scope").unwrap_or(&flow.scope).to_owned();
    tokens(cloud, user, &scope, Some(&flow), now)
}

fn check_code(code: &Code, tenant: &str, form: &[(String, String)], now: Timestamp) -> Result<(), Refused> {
    if code.used {
        return Err((400, "invalid_grant", 54_005, "The code was already redeemed."));
    }
    if code.expires < now {
        return Err((400, "invalid_grant", 70_008, "The code has expired."));
    }
    if !code.flow.tenant.eq_ignore_ascii_case(tenant) {
        return Err((400, "invalid_grant", 700_005, "The code is for another tenant's endpoint."));
    }
    if value_of(form, "redirect_uri") != Some(&code.flow.redirect_uri) {
        return Err((
            400,
            "invalid_client",
            50_011,
            "The redirect URI differs from the one the code was asked with.",
        ));
    }
    let verifier = value_of(form, "code_verifier").unwrap_or("");
    if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) != code.flow.challenge {
        return Err((400, "invalid_grant", 501_481, "The code_verifier does not match the code_challenge."));
    }
    Ok(())
}

fn renew(cloud: &Cloud, tenant: &str, form: &[(String, String)]) -> Result<Value, Refused> {
    let now = cloud.now();
    let Refresh { user, scope, .. } = {
        let mut known = lock(&cloud.entra.refresh);
        let unknown = (400, "invalid_grant", 9_002_313, "The refresh token is malformed or not known.");
        let refresh = value_of(form, "refresh_token").and_then(|t| known.get_mut(t)).ok_or(unknown)?;
        if now - SignedDuration::from_hours(24 * IDLE_DAYS) > refresh.last_used {
            return Err((400, "invalid_grant", 700_082, "The refresh token has expired due to inactivity."));
        }
        refresh.last_used = now;
        refresh.clone()
    };
    let user =
        cloud.entra.user(user).ok_or((400, "invalid_grant", 50_034, "The user account does not exist."))?;
    if !matches!(tenant, "organizations" | "common") && !user.tenant.eq_ignore_ascii_case(tenant) {
        return Err((400, "invalid_grant", 90_002, "The grant is not of this tenant."));
    }
    let scope = value_of(form, "scope").unwrap_or(&scope).to_owned();
    tokens(cloud, user, &scope, None, now)
}

/// Tokens for the one resource of the scope. The id token comes when `openid` is asked for, a refresh token always on
/// renewal, else with `offline_access`.
fn tokens(
    cloud: &Cloud,
    user: &User,
    scope: &str,
    flow: Option<&Flow>,
    now: Timestamp,
) -> Result<Value, Refused> {
    let entra = &cloud.entra;
    let named: Vec<_> = scope
        .split(' ')
        .filter(|s| !matches!(*s, "" | "openid" | "profile" | "email" | "offline_access"))
        .collect();
    let mut audience = None;
    for scope in &named {
        let next =
            Audience::of_scope(scope).ok_or((400, "invalid_scope", 70_011, "The scope is not valid."))?;
        if audience.replace(next).is_some_and(|before| before != next) {
            return Err((400, "invalid_scope", 700_022, "The scope names more than one resource."));
        }
    }
    let has = |wanted: &str| flow.is_some_and(|f| f.scope.split(' ').any(|s| s == wanted));
    let mut answer = json!({
        "token_type": "Bearer",
        "scope": named.join(" "),
        "expires_in": ACCESS_SECONDS,
        "ext_expires_in": ACCESS_SECONDS,
        "access_token": entra.issue_access(user, audience.unwrap_or(Audience::Graph), now),
    });
    let Some(members) = answer.as_object_mut() else { return Ok(answer) };
    if flow.is_none() || has("offline_access") {
        members.insert("refresh_token".into(), json!(entra.issue_refresh(user, scope, now)));
    }
    if flow.is_none() || has("openid") {
        let nonce = flow.and_then(|f| f.nonce.as_deref());
        members.insert("id_token".into(), json!(keys::id_token(cloud, user, nonce, now)));
    }
    Ok(answer)
}

fn error(cloud: &Cloud, (status, error, code, words): (u16, &str, u32, &str)) -> Response {
    let number = cloud.entra.issued.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (trace, correlation) =
        (cloud.world.seed.guid("trace", number), cloud.world.seed.guid("correlation", number));
    let at = cloud.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description = format!(
        "AADSTS{code}: {words}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}"
    );
    let body = json!({
        "error": error,
        "error_description": description,
        "error_codes": [code],
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": format!("{}/entra/error?code={code}", cloud.base),
    });
    let response = json_value(status, &body);
    if status == 503 { with_header(response, "Retry-After", "0") } else { response }
}
