//! Who may call what: audience, MFA and partner roles of the bearer, checked as Partner Center and Graph do.

use axum::http::HeaderMap;
use axum::response::Response;

use super::answer::{Refusal, fault, header_text, nested, with_header};
use crate::cloud::Cloud;
use crate::entra::users::Role;
use crate::entra::{AccessToken, Audience};

/// What a call is about; roles are asked for by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Customers, their subscriptions and licences.
    Customers,
    /// Usage and invoices.
    Billing,
    /// Rate cards.
    Prices,
}

/// Lets the caller into Partner Center, or says why not.
pub(crate) fn partner_center(cloud: &Cloud, headers: &HeaderMap, need: Need) -> Result<AccessToken, Refusal> {
    let token = bearer(cloud, headers)
        .ok_or_else(|| fault(401, "800001", "The request carries no partner token that is valid.", &[]))?;
    if token.audience != Audience::PartnerCenter {
        return Err(fault(401, "900420", "The audience of the token is not supported.", &[]));
    }
    if token.is_application {
        return Err(fault(403, "900329", "The endpoint does not support application only tokens.", &[]));
    }
    let compliant = token.mfa && !cloud.fault(|f| f.mfa_missing);
    if !compliant {
        let refusal = fault(401, "900421", "The token shows no multifactor authentication.", &[]);
        return Err(mark_mfa(axum::response::IntoResponse::into_response(refusal), headers, false).into());
    }
    let roles: &[Role] = if cloud.fault(|f| f.role_missing) { &[] } else { &token.roles };
    if may(roles, need) {
        return Ok(token);
    }
    Err(match need {
        Need::Prices => fault(403, "800043", "The user has no access to pricing information.", &[]),
        Need::Customers | Need::Billing => {
            fault(403, "2032", "The role of the user lacks rights for this.", &[])
        }
    })
}

/// Lets the caller into Graph's partner billing, or says why not.
pub(crate) fn graph(cloud: &Cloud, headers: &HeaderMap) -> Result<AccessToken, Refusal> {
    let token = bearer(cloud, headers).filter(|t| t.audience == Audience::Graph).ok_or_else(|| {
        let refusal =
            nested(401, "InvalidAuthenticationToken", "The access token is not valid for this API.");
        Refusal::from(with_header(
            axum::response::IntoResponse::into_response(refusal),
            "WWW-Authenticate",
            "Bearer",
        ))
    })?;
    if token.is_application {
        let is_permitted = !cloud.fault(|f| f.app_permission_missing);
        let refusal = nested(403, "Forbidden", "The application has no permission for partner billing.");
        return if is_permitted { Ok(token) } else { Err(refusal) };
    }
    let roles: &[Role] = if cloud.fault(|f| f.role_missing) { &[] } else { &token.roles };
    if may(roles, Need::Billing) {
        return Ok(token);
    }
    Err(nested(403, "Forbidden", "The signed-in user has no partner billing role."))
}

/// *Admin Agent*, or *Billing Admin* with *Sales Agent*: everything. *Sales Agent* alone: customers and prices.
fn may(roles: &[Role], need: Need) -> bool {
    let has = |role| roles.contains(&role);
    has(Role::AdminAgent)
        || match need {
            Need::Customers | Need::Prices => has(Role::SalesAgent),
            Need::Billing => has(Role::BillingAdmin) && has(Role::SalesAgent),
        }
}

fn bearer(cloud: &Cloud, headers: &HeaderMap) -> Option<AccessToken> {
    let token = header_text(headers, "authorization").strip_prefix("Bearer ")?;
    cloud.entra.access(token, cloud.now())
}

/// Partner Center's headers on every answer; the ids of the request come back doubled now and then.
pub(crate) fn stamp(response: Response, headers: &HeaderMap) -> Response {
    let request_id = header_text(headers, "ms-requestid");
    let correlation = header_text(headers, "ms-correlationid");
    let doubled = if correlation.is_empty() { String::new() } else { format!("{correlation},{correlation}") };
    let response = with_header(response, "MS-RequestId", request_id);
    let response = with_header(response, "MS-CorrelationId", &doubled);
    let response = with_header(with_header(response, "MS-CV", "c1a2.0"), "MS-ServerId", "SIM-01");
    if response.headers().contains_key("isMfaCompliant") {
        response
    } else {
        mark_mfa(response, headers, true)
    }
}

fn mark_mfa(response: Response, headers: &HeaderMap, compliant: bool) -> Response {
    if header_text(headers, "validatemfa").eq_ignore_ascii_case("true") {
        return with_header(response, "isMfaCompliant", if compliant { "true" } else { "false" });
    }
    response
}
