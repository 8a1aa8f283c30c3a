//! The page where an administrator consents for the whole tenant. It gives no code: a sign-in must follow.
//!
//! Both answers say `admin_consent=True`, as the vendor's do: whoever reads them must look for an error first.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::authorize::{known_tenant, send_back};
use super::{Audience, Flow, page};
use crate::cloud::{Cloud, lock};
use crate::http::answer::{query_of, value_of};

/// Refusals that such a consent mends.
const MENDED: [u32; 3] = [65001, 90094, 90095];

pub(super) async fn ask(
    State(cloud): State<Arc<Cloud>>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query_of(query.as_deref());
    let flow = match check(&cloud, tenant, &query) {
        Ok(flow) => flow,
        Err((code, message)) => return page::refusal(code, message),
    };
    let id = cloud.entra.seed.hex("flow", cloud.entra.issued.fetch_add(1, Ordering::Relaxed));
    let response = page::admin_consent(&id, &flow);
    lock(&cloud.entra.flows).insert(id, flow);
    response
}

fn check(cloud: &Cloud, tenant: String, query: &[(String, String)]) -> Result<Flow, (u32, &'static str)> {
    let text = |name: &str| value_of(query, name).unwrap_or("").to_owned();
    let (redirect_uri, scope) = (text("redirect_uri"), text("scope"));
    if tenant == "common" || !known_tenant(cloud, &tenant) {
        return Err((90002, "The tenant was not found."));
    }
    if text("client_id") != cloud.config.client_id {
        return Err((700_016, "The application was not found in the directory."));
    }
    if !lock(&cloud.entra.redirect_uris).contains(&redirect_uri) {
        return Err((50011, "The redirect URI does not match the ones registered for the application."));
    }
    if scope.is_empty() || scope.split(' ').any(|scope| Audience::of_scope(scope).is_none()) {
        return Err((70011, "The scope is not valid."));
    }
    let state = value_of(query, "state").map(str::to_owned);
    Ok(Flow { tenant, redirect_uri, state, nonce: None, scope, challenge: String::new(), form_post: false })
}

pub(super) async fn decide(
    State(cloud): State<Arc<Cloud>>,
    Path((_, flow)): Path<(String, String)>,
    body: String,
) -> Response {
    let form = query_of(Some(&body));
    let Some(flow) = lock(&cloud.entra.flows).remove(&flow) else {
        return page::refusal(50_148, "The sign-in was not found or has ended.");
    };
    let is_given = value_of(&form, "answer") == Some("accept");
    if is_given {
        cloud.entra.admin_consented.store(true, Ordering::Relaxed);
        let tenant = cloud.entra.users.first().map(|user| user.tenant.as_str()).unwrap_or_default();
        return send_back(&flow, &[("admin_consent", "True"), ("tenant", tenant), ("scope", &flow.scope)]);
    }
    let description = "AADSTS65004: The resource owner or authorization server denied the request.";
    let refused = [("admin_consent", "True"), ("error", "access_denied"), ("error_description", description)];
    send_back(&flow, &refused)
}

/// Whether a refusal has been mended by such a consent.
pub(super) fn mends(cloud: &Cloud, code: u32) -> bool {
    MENDED.contains(&code) && cloud.entra.admin_consented.load(Ordering::Relaxed)
}
