//! `/audit`: who did what, newest first.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::format::When;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

const LIMIT: u32 = 500;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    entries: Vec<Entry>,
    who: String,
    what: String,
    limit: u32,
}

struct Entry {
    at: When,
    who: String,
    what: String,
    detail: String,
}

/// Which entries.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Wanted {
    who: String,
    what: String,
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let has = |text: &str, part: &str| text.to_lowercase().contains(&part.trim().to_lowercase());
    let mut trail = state.store.audit_trail(LIMIT).await?;
    trail.retain(|entry| has(&entry.who, &wanted.who) && has(&entry.what, &wanted.what));
    let shown = |entry: purser_store::people::AuditEntry| Entry {
        at: When::new(entry.at, &TimeZone::UTC),
        who: entry.who,
        what: entry.what,
        detail: detail(&entry.detail),
    };
    page(&AuditPage {
        shell: Shell::load(&state, &visitor, Area::Settings).await?,
        entries: trail.into_iter().map(shown).collect(),
        who: wanted.who,
        what: wanted.what,
        limit: LIMIT,
    })
}

fn detail(value: &serde_json::Value) -> String {
    match value.as_object() {
        Some(members) if members.is_empty() => String::new(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn sign_ins_are_in_the_trail_and_found_by_what_was_done() {
        let mut site = Site::new().await;
        site.post("/sign-in", "name=mallory&password=whatever-it-is").await;
        site.sign_in("olaf").await;
        let text = site.get("/audit").await.text;
        assert!(text.contains("mallory") && text.contains("sign-in.failed") && text.contains("olaf"));
        assert!(!site.get("/audit?what=failed&who=olaf").await.text.contains("mallory"));
        assert!(site.get("/audit?what=nothing").await.text.contains("No entry matches"));
    }
}
