//! Small pieces of answers: JSON bodies, and errors in each of the vendor's shapes.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

/// An answer that ends a handler early.
pub(crate) struct Refusal(Box<Response>);

/// What handlers give.
pub(crate) type Answer = Result<Response, Refusal>;

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// 200 with this JSON text.
pub(crate) fn json_body(body: impl Into<Bytes>) -> Response {
    body_of(StatusCode::OK, "application/json; charset=utf-8", body.into())
}

/// This JSON value with a status.
pub(crate) fn json_value(status: u16, value: &Value) -> Response {
    body_of(status_of(status), "application/json; charset=utf-8", Bytes::from(value.to_string()))
}

/// Any body.
pub(crate) fn body_of(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The status, or 500 for a number that is none.
pub(crate) fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The response with one header more; a value that cannot be a header is left out.
pub(crate) fn with_header(mut response: Response, name: &str, value: &str) -> Response {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A request header as text; empty where there is none.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
}

/// Partner Center's own error body.
pub(crate) fn fault(status: u16, code: &str, description: &str, data: &[&str]) -> Refusal {
    let mut body = json!({ "code": code, "description": description });
    if let (false, Some(members)) = (data.is_empty(), body.as_object_mut()) {
        members.insert("data".into(), json!(data));
        members.insert("source".into(), json!("SimulatedPartnerService"));
    }
    json_value(status, &body).into()
}

/// Graph's error body: nested, with an inner error that says more.
pub(crate) fn nested(status: u16, code: &str, message: &str) -> Refusal {
    let inner = json!({ "date": "2026-01-01T00:00:00", "code": code });
    json_value(status, &json!({ "error": { "code": code, "message": message, "innerError": inner } })).into()
}

/// The query as pairs; names lower-case.
pub(crate) fn query_of(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or("").as_bytes())
        .map(|(name, value)| (name.to_lowercase(), value.into_owned()))
        .collect()
}

/// One value of the query; names compared without case.
pub(crate) fn value_of<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}
