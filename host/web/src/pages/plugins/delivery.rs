//! A component that somebody sends, with its signatures: as a form, or as the whole body.

use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use purser_pipeline::rollout::Delivery;

use crate::problem::Problem;

/// Largest component that may be sent, in bytes; admission has a limit of its own.
const MOST_BYTES: usize = 128 << 20;
/// Longest name of a file that is noted, in characters.
const LONGEST_NAME: usize = 100;

/// From a form with the files `component` and, as often as there are any, `signature`.
pub(super) async fn of_form(mut request: Request) -> Result<Delivery, Problem> {
    DefaultBodyLimit::max(MOST_BYTES).apply(&mut request);
    let mut form =
        Multipart::from_request(request, &()).await.map_err(|_| Problem::input("no file was sent"))?;
    let mut delivery =
        Delivery { component: Vec::new(), signatures: Vec::new(), source: "a file".to_owned() };
    while let Some(field) = form.next_field().await.map_err(|_| unread())? {
        take(&mut delivery, field).await?;
    }
    if delivery.component.is_empty() { Err(Problem::input("no file was sent")) } else { Ok(delivery) }
}

/// A browser sends a file that was not chosen as an empty one.
async fn take(delivery: &mut Delivery, field: Field<'_>) -> Result<(), Problem> {
    let is_component = match field.name() {
        Some("component") => true,
        Some("signature") => false,
        _ => return Ok(()),
    };
    let name = field.file_name().map(|name| name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME));
    let name: Option<String> = name.map(Iterator::collect);
    let bytes = field.bytes().await.map_err(|_| unread())?;
    match (bytes.is_empty(), is_component) {
        (true, _) => {}
        (false, false) => delivery.signatures.push(String::from_utf8_lossy(&bytes).into_owned()),
        (false, true) => {
            delivery.component = bytes.to_vec();
            delivery.source = name.unwrap_or_else(|| delivery.source.clone());
        }
    }
    Ok(())
}

/// From a program: the same form, or a body that is the component.
pub(super) async fn of_program(mut request: Request, source: Option<String>) -> Result<Delivery, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    let mut delivery = if kind.is_some_and(|kind| kind.starts_with(b"multipart/form-data")) {
        of_form(request).await?
    } else {
        DefaultBodyLimit::max(MOST_BYTES).apply(&mut request);
        let body = Bytes::from_request(request, &()).await.map_err(|_| unread())?;
        Delivery { component: body.to_vec(), signatures: Vec::new(), source: "the API".to_owned() }
    };
    delivery.source = source.unwrap_or(delivery.source);
    Ok(delivery)
}

fn unread() -> Problem {
    Problem::input("what was sent could not be read, or is larger than a plugin may be")
}
