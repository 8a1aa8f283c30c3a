//! The sign-in pages: plain HTML and forms, no script, so that a person, a test and a text browser can all use them.

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;

use super::Flow;
use super::users::User;
use crate::http::answer::body_of;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1b1f;--paper:#fff;--ground:#eef1f6;--line:#d5d9e2;--soft:#5d6270;--mark:#1f5fbf}\
@media(prefers-color-scheme:dark){:root{--ink:#e8e9ee;--paper:#20232b;--ground:#14161b;--line:#3a3f4b;--soft:#a3a9b8;--mark:#8ab4ff}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);\
font:16px/1.5 system-ui,sans-serif}main{width:min(30rem,94vw);margin:2rem 0;padding:2rem;background:var(--paper);border:1px solid \
var(--line);border-radius:.75rem;box-shadow:0 .5rem 2rem #0002}h1{margin:.2rem 0 .4rem;font-size:1.4rem}p{margin:.2rem 0 1rem;\
color:var(--soft)}.badge{display:inline-block;padding:.1rem .6rem;border:1px solid var(--line);border-radius:1rem;font-size:.8rem;\
color:var(--soft)}form{display:grid;gap:.5rem}button{font:inherit;text-align:left;padding:.6rem .8rem;border:1px solid var(--line);\
border-radius:.5rem;background:none;color:inherit;cursor:pointer}button:hover,button:focus-visible{border-color:var(--mark);\
outline:2px solid var(--mark);outline-offset:1px}button strong{display:block}button span{display:block;color:var(--soft);\
font-size:.875rem}.hint{border-color:var(--mark)}.cancel{margin-top:.5rem;text-align:center}code{overflow-wrap:anywhere}";

/// Choose a user, or cancel.
pub(super) fn sign_in(flow_id: &str, flow: &Flow, users: &[User], hint: &str) -> Response {
    let mut buttons = String::new();
    let hinted = |user: &&User| user.upn.eq_ignore_ascii_case(hint);
    for user in users.iter().filter(hinted).chain(users.iter().filter(|u| !hinted(u))) {
        let class = if hinted(&user) { " class=\"hint\"" } else { "" };
        buttons.push_str(&format!(
            "<button type=\"submit\" name=\"user\" value=\"{}\"{class}><strong>{}</strong><span>{}</span><span>{}</span></button>",
            user.id,
            escaped(user.name),
            escaped(&user.upn),
            escaped(user.remark),
        ));
    }
    let body = format!(
        "<h1>Pick an account</h1><p>to sign in to the registered application</p>\
         <form method=\"post\" action=\"/entra/{}/login/{flow_id}\">{buttons}\
         <button type=\"submit\" class=\"cancel\" name=\"user\" value=\"cancel\">Cancel</button></form>",
        escaped(&flow.tenant),
    );
    html(StatusCode::OK, "Sign in", &body)
}

/// Consent for the whole organisation, or not.
pub(super) fn admin_consent(flow_id: &str, flow: &Flow) -> Response {
    let body = format!(
        "<h1>Permissions requested</h1><p>Review for your organization: <code>{}</code></p>\
         <form method=\"post\" action=\"/entra/{}/adminconsent/{flow_id}\">\
         <button type=\"submit\" name=\"answer\" value=\"accept\">Accept</button>\
         <button type=\"submit\" class=\"cancel\" name=\"answer\" value=\"cancel\">Cancel</button></form>",
        escaped(&flow.scope),
        escaped(&flow.tenant),
    );
    html(StatusCode::OK, "Permissions requested", &body)
}

/// An error that stays on this page: nothing is redirected.
pub(super) fn refusal(code: u32, message: &str) -> Response {
    let body = format!(
        "<h1>Sorry, but we’re having trouble signing you in</h1><p><code>AADSTS{code}: {}</code></p>\
         <p>Close this page and start again from the application.</p>",
        escaped(message),
    );
    html(StatusCode::BAD_REQUEST, "Sign in: error", &body)
}

/// `response_mode=form_post`: the answer as a form to send.
pub(super) fn form_post(redirect_uri: &str, pairs: &[(&str, &str)]) -> Response {
    let inputs: String = pairs
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value)))
        .collect();
    let body = format!(
        "<h1>Signed in</h1><p>Go back to the application.</p><form method=\"post\" action=\"{}\">{inputs}\
         <button type=\"submit\">Continue</button></form>",
        escaped(redirect_uri),
    );
    html(StatusCode::OK, "Continue", &body)
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head><body><main>\
         <span class=\"badge\">Simulated Microsoft Entra</span>{body}</main></body></html>"
    );
    let mut response = body_of(status, "text/html; charset=utf-8", Bytes::from(page));
    for (name, value) in [("cache-control", "no-store"), ("referrer-policy", "no-referrer")] {
        response.headers_mut().insert(name, axum::http::HeaderValue::from_static(value));
    }
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
