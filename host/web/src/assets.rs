//! Static files: embedded in the binary, named with their hash, cached for ever.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::Problem;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The address of a static file, with its content's hash.
pub(crate) fn url(path: &str) -> String {
    let hash = Files::get(path).map(|file| hex::encode(file.metadata.sha256_hash())).unwrap_or_default();
    format!("/static/{path}?v={}", hash.get(..12).unwrap_or_default())
}

/// Serves a static file.
pub(crate) async fn serve(Path(path): Path<String>) -> Result<Response, Problem> {
    let file = Files::get(&path).ok_or_else(|| Problem::not_found("file"))?;
    let kind = file.metadata.mimetype().to_owned();
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable".into())];
    Ok((headers, file.data).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendored_script_is_the_one_that_was_reviewed() {
        let file = Files::get("vendor/htmx-2.0.11.min.js").unwrap();
        let pinned = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717";
        assert_eq!(hex::encode(file.metadata.sha256_hash()), pinned);
        assert!(Files::get("vendor/htmx.LICENSE.txt").is_some());
    }

    #[test]
    fn a_files_address_changes_with_its_content() {
        let address = url("app.css");
        assert!(
            address.starts_with("/static/app.css?v=") && address.len() == "/static/app.css?v=".len() + 12
        );
    }
}
