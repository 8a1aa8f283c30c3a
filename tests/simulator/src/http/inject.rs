//! Lets a fault act on one request: in place of the answer, or on the answer's way out.

use std::io::{Read, Write};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{body_of, fault, json_value, nested, status_of, with_header};
use super::surgery;
use crate::calendar::http_date;
use crate::cloud::Cloud;
use crate::faults::Action;

/// Bodies that faults change are read whole; none is larger.
const LARGEST_BODY: usize = 256 << 20;

/// Does what the action says.
pub(crate) async fn act(cloud: &Cloud, action: Action, request: Request, next: Next) -> Response {
    match action {
        Action::Slow { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            next.run(request).await
        }
        Action::CutOff { keep } => cut_off(next.run(request).await, keep).await,
        Action::Truncate { keep } => truncate(next.run(request).await, keep).await,
        Action::ChangeField { pointer, value } => {
            change(next.run(request).await, &pointer, Some(value)).await
        }
        Action::RemoveField { pointer } => change(next.run(request).await, &pointer, None).await,
        other => instead(other, cloud.now()),
    }
}

/// Answers that need nothing of the real one.
fn instead(action: Action, now: Timestamp) -> Response {
    match action {
        Action::Status { status, body, headers } => {
            let response = body_of(status_of(status), "application/json", Bytes::from(body));
            headers.iter().fold(response, |response, (name, value)| with_header(response, name, value))
        }
        Action::Throttle { retry_after, as_date, text } => throttle(retry_after, as_date, text, now),
        Action::Empty { retry_after } => {
            let response = StatusCode::NO_CONTENT.into_response();
            match retry_after {
                Some(seconds) => with_header(response, "Retry-After", &seconds.to_string()),
                None => response,
            }
        }
        Action::Error { shape, status, code, message } => error(shape, status, &code, &message, now),
        _ => body_of(
            StatusCode::OK,
            "text/html",
            Bytes::from_static(b"<html><body>A gateway says hello.</body></html>"),
        ),
    }
}

fn throttle(retry_after: Option<u32>, as_date: bool, text: bool, now: Timestamp) -> Response {
    let seconds = retry_after.unwrap_or(1);
    let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
    let response = if text {
        body_of(StatusCode::TOO_MANY_REQUESTS, "text/plain", Bytes::from(message))
    } else {
        json_value(429, &json!({ "statusCode": 429, "message": message }))
    };
    let value = match (retry_after, as_date) {
        (None, _) => return response,
        (Some(_), true) => http_date(now + SignedDuration::from_secs(i64::from(seconds))),
        (Some(_), false) => seconds.to_string(),
    };
    with_header(response, "Retry-After", &value)
}

fn error(shape: u8, status: u16, code: &str, message: &str, now: Timestamp) -> Response {
    match shape {
        1 => fault(status, code, message, &["simulated"]).into_response(),
        2 => json_value(status, &json!({ "statusCode": status, "message": message })),
        3 => nested(status, code, message).into_response(),
        4 => {
            let number = code.parse::<u32>().unwrap_or(0);
            let text = format!("AADSTS{code}: {message}");
            let at = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
            let body = json!({ "error": "invalid_grant", "error_description": text, "error_codes": [number], "timestamp": at });
            json_value(status, &body)
        }
        _ => body_of(status_of(status), "text/plain", Bytes::from(message.to_owned())),
    }
}

/// Announces the whole length, sends a part, and closes the connection.
async fn cut_off(response: Response, keep: u8) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(bytes) = whole(body).await else { return StatusCode::BAD_GATEWAY.into_response() };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let part = bytes.slice(..share(bytes.len(), keep));
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "simulated cut");
    let head = futures::stream::once(async move { Ok::<_, std::io::Error>(part) });
    // A moment between the two, so that what was sent before the cut reaches the other side.
    let tail = futures::stream::once(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(broken)
    });
    Response::from_parts(parts, Body::from_stream(futures::StreamExt::chain(head, tail)))
}

async fn truncate(response: Response, keep: u8) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(bytes) = whole(body).await else { return StatusCode::BAD_GATEWAY.into_response() };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(bytes.slice(..share(bytes.len(), keep))))
}

fn share(length: usize, keep: u8) -> usize {
    length * usize::from(keep.min(100)) / 100
}

async fn change(response: Response, pointer: &str, value: Option<Value>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(bytes) = whole(body).await else { return StatusCode::BAD_GATEWAY.into_response() };
    parts.headers.remove(header::CONTENT_LENGTH);
    let changed = changed(&bytes, pointer, value.as_ref()).unwrap_or(bytes);
    Response::from_parts(parts, Body::from(changed))
}

async fn whole(body: Body) -> Option<Bytes> {
    to_bytes(body, LARGEST_BODY).await.ok()
}

/// The body with another value at the pointer; none where it has no such place.
fn changed(body: &Bytes, pointer: &str, value: Option<&Value>) -> Option<Bytes> {
    if body.starts_with(&[0x1f, 0x8b]) {
        return changed_lines(body, pointer, value);
    }
    let text = std::str::from_utf8(body).ok()?;
    surgery::put(text, pointer, value).map(Bytes::from)
}

/// The first token of the pointer is the line.
fn changed_lines(body: &Bytes, pointer: &str, value: Option<&Value>) -> Option<Bytes> {
    let (wanted, rest) = pointer.strip_prefix('/')?.split_once('/')?;
    let mut text = String::new();
    GzDecoder::new(body.as_ref()).read_to_string(&mut text).ok()?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = lines.get_mut(wanted.parse::<usize>().ok()?)?;
    *line = surgery::put(line, &format!("/{rest}"), value)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(lines.join("\n").as_bytes()).ok()?;
    gzip.finish().ok().map(Bytes::from)
}
