//! The authorize endpoint: checks the request, shows the people, sends the browser back with a code.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use url::Url;

use super::users::User;
use super::{Audience, Code, Flow, page};
use crate::cloud::{Cloud, lock};
use crate::http::answer::{query_of, value_of};

const CODE_MINUTES: i64 = 10;

pub(super) async fn authorize(
    State(cloud): State<Arc<Cloud>>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query_of(query.as_deref());
    let flow = match check(&cloud, tenant, &query) {
        Ok(flow) => flow,
        Err((code, message)) => return page::refusal(code, message),
    };
    match wrong_parameters(&query) {
        Some(description) => {
            return send_back(&flow, &[("error", "invalid_request"), ("error_description", description)]);
        }
        None if value_of(&query, "prompt") == Some("none") => {
            let description = "AADSTS50058: A silent sign-in request was sent but no user is signed in.";
            return send_back(&flow, &[("error", "login_required"), ("error_description", description)]);
        }
        None => {}
    }
    let id =
        cloud.entra.seed.hex("flow", cloud.entra.issued.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let response =
        page::sign_in(&id, &flow, &cloud.entra.users, value_of(&query, "login_hint").unwrap_or(""));
    lock(&cloud.entra.flows).insert(id, flow);
    response
}

/// What must be right before the browser is ever sent back: an error here stays on the page.
fn check(cloud: &Cloud, tenant: String, query: &[(String, String)]) -> Result<Flow, (u32, &'static str)> {
    let text = |name: &str| value_of(query, name).unwrap_or("").to_owned();
    if !known_tenant(cloud, &tenant) {
        return Err((90002, "The tenant was not found."));
    }
    if text("client_id") != cloud.config.client_id {
        return Err((700_016, "The application was not found in the directory."));
    }
    let redirect_uri = text("redirect_uri");
    if !lock(&cloud.entra.redirect_uris).contains(&redirect_uri) {
        return Err((
            50011,
            "The redirect URI of the request does not match the ones registered for the application.",
        ));
    }
    Ok(Flow {
        tenant,
        redirect_uri,
        state: value_of(query, "state").map(str::to_owned),
        nonce: value_of(query, "nonce").map(str::to_owned),
        scope: text("scope"),
        challenge: text("code_challenge"),
        form_post: text("response_mode") == "form_post",
    })
}

/// What is told to the application by a redirect.
fn wrong_parameters(query: &[(String, String)]) -> Option<&'static str> {
    let text = |name: &str| value_of(query, name).unwrap_or("");
    if text("response_type") != "code" {
        return Some("AADSTS700054: response_type must be code.");
    }
    if text("code_challenge_method") != "S256" || text("code_challenge").len() != 43 {
        return Some("AADSTS501491: A code_challenge of method S256 with 43 characters is required.");
    }
    if text("prompt") == "select_account" && !text("login_hint").is_empty() {
        return Some("AADSTS90023: login_hint and prompt=select_account cannot be combined.");
    }
    if text("scope").is_empty() || text("scope").split(' ').any(|scope| Audience::of_scope(scope).is_none()) {
        return Some("AADSTS70011: The scope is not valid.");
    }
    None
}

pub(super) fn known_tenant(cloud: &Cloud, tenant: &str) -> bool {
    matches!(tenant, "organizations" | "common")
        || cloud.entra.users.iter().any(|u| u.tenant.eq_ignore_ascii_case(tenant))
}

pub(super) async fn choose(
    State(cloud): State<Arc<Cloud>>,
    Path((_, flow)): Path<(String, String)>,
    body: String,
) -> Response {
    let form = query_of(Some(&body));
    let flow = lock(&cloud.entra.flows).get(&flow).cloned();
    let Some(flow) = flow else { return page::refusal(50_148, "The sign-in was not found or has ended.") };
    if value_of(&form, "user") == Some("cancel") {
        let description = "AADSTS65004: User declined to consent to access the app.";
        return send_back(&flow, &[("error", "access_denied"), ("error_description", description)]);
    }
    let Some(user) = value_of(&form, "user").and_then(|id| cloud.entra.user(id)) else {
        return page::refusal(50_034, "The user account does not exist.");
    };
    if !may_sign_in(&flow.tenant, user) {
        return page::refusal(
            50_020,
            "The user account does not exist in this tenant and cannot access the application.",
        );
    }
    let code = format!("1.{}", cloud.entra.opaque("code"));
    let expires = cloud.now() + SignedDuration::from_mins(CODE_MINUTES);
    let issued = Code { flow: flow.clone(), user: user.id, expires, used: false };
    lock(&cloud.entra.codes).insert(code.clone(), issued);
    send_back(&flow, &[("code", &code), ("session_state", &user.object)])
}

/// A tenant's own sign-in page lets in its users; `organizations` lets in everybody, so that an application's own
/// checks can be tried (the vendor would stop a personal account here already).
fn may_sign_in(tenant: &str, user: &User) -> bool {
    matches!(tenant, "organizations" | "common") || user.tenant.eq_ignore_ascii_case(tenant)
}

pub(super) fn send_back(flow: &Flow, pairs: &[(&str, &str)]) -> Response {
    let mut pairs = pairs.to_vec();
    if let Some(state) = &flow.state {
        pairs.push(("state", state));
    }
    if flow.form_post {
        return page::form_post(&flow.redirect_uri, &pairs);
    }
    let Ok(mut url) = Url::parse(&flow.redirect_uri) else {
        return page::refusal(50_011, "The redirect URI is not a URL.");
    };
    url.query_pairs_mut().extend_pairs(pairs);
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(location) = HeaderValue::from_str(url.as_str()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
