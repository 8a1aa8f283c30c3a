//! `/audit`: who did what, from where, newest first; filtered, paged, and as a file.

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use purser_domain::AccountId;
use purser_store::trail::{Line, Wanted};
use serde::Deserialize;
use url::form_urlencoded;

use crate::books::Books;
use crate::format::When;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Lines of a page.
const LIMIT: u32 = 100;
/// Lines read at a time for a file.
const CHUNK: u32 = 1_000;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    entries: Vec<Entry>,
    asked: Asked,
    /// Number and title.
    accounts: Vec<(String, String)>,
    newest: bool,
    /// Address of the older ones, of the newest, and of the file.
    older: Option<String>,
    first: String,
    file: String,
}

struct Entry {
    at: When,
    who: String,
    what: String,
    means: String,
    address: String,
    detail: String,
}

/// Which entries.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Asked {
    who: String,
    what: String,
    account: String,
    from: String,
    to: String,
    before: String,
}

impl Asked {
    fn wanted(&self, limit: u32) -> Result<Wanted, Problem> {
        let to = day(&self.to)?.map(|last| last.tomorrow().unwrap_or(last));
        Ok(Wanted {
            who: self.who.trim().to_owned(),
            what: self.what.trim().to_owned(),
            account: number::<AccountId>(&self.account, "account")?,
            from: day(&self.from)?.map(midnight).transpose()?,
            until: to.map(midnight).transpose()?,
            before: number(&self.before, "entry")?,
            limit,
        })
    }

    fn address(&self, path: &str, before: Option<i64>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let fields = [&self.who, &self.what, &self.account, &self.from, &self.to];
        for (name, value) in ["who", "what", "account", "from", "to"].into_iter().zip(fields) {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let mut lines = state.store.audit_lines(&asked.wanted(LIMIT + 1)?).await?;
    let is_more = lines.len() > LIMIT as usize;
    lines.truncate(LIMIT as usize);
    let last = lines.last().map(|line| line.id).filter(|_| is_more);
    let books = Books::load(&state).await?;
    let accounts = books.iter().map(|book| (book.account.id.to_string(), book.account.title.clone()));
    page(&AuditPage {
        shell: Shell::load(&state, &visitor, Area::Settings).await?,
        entries: lines.into_iter().map(entry).collect(),
        accounts: accounts.collect(),
        newest: asked.before.is_empty(),
        older: last.map(|last| asked.address("/audit", Some(last))),
        first: asked.address("/audit", None),
        file: asked.address("/audit/export.csv", None),
        asked,
    })
}

fn entry(line: Line) -> Entry {
    Entry {
        at: When::new(line.entry.at, &TimeZone::UTC),
        who: line.entry.who,
        what: line.entry.what,
        means: line.means,
        address: line.address,
        detail: detail(&line.entry.detail),
    }
}

fn detail(value: &serde_json::Value) -> String {
    match value.as_object() {
        Some(members) if members.is_empty() => String::new(),
        _ => value.to_string(),
    }
}

/// The same as a file, without an end.
pub(crate) async fn export(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let wanted = Wanted { before: None, ..asked.wanted(CHUNK)? };
    let detail = serde_json::json!({ "filter": asked.address("", None) });
    state.audit(&visitor.person.name, "audit.exported", detail).await?;
    let chunks = stream::try_unfold(Some((wanted, true)), move |at| {
        let state = state.clone();
        async move {
            let Some((wanted, is_first)) = at else { return Ok(None) };
            let lines = state.store.audit_lines(&wanted).await.map_err(std::io::Error::other)?;
            let before = lines.last().map(|line| line.id);
            let bytes = rows(&lines, is_first).map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(Some((bytes, before.map(|_| (Wanted { before, ..wanted }, false)))))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn rows(lines: &[Line], with_head: bool) -> csv::Result<Bytes> {
    let mut file = csv::Writer::from_writer(Vec::new());
    if with_head {
        file.write_record(["id", "at", "who", "what", "means", "address", "detail"])?;
    }
    for line in lines {
        let (id, at) = (line.id.to_string(), line.entry.at.to_string());
        let told = [&id, &at, &line.entry.who, &line.entry.what, &line.means, &line.address];
        file.write_record(
            told.map(|cell| harmless(cell)).into_iter().chain([line.entry.detail.to_string()]),
        )?;
    }
    Ok(file.into_inner().map_err(|error| error.into_error())?.into())
}

/// A stranger chooses the name of a failed sign-in: it must not become a formula in somebody's spreadsheet.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

fn day(text: &str) -> Result<Option<Date>, Problem> {
    let text = text.trim();
    let wrong = |_| Problem::input(format!("{text:?} is no date such as 2026-11-23"));
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(wrong) }
}

fn midnight(day: Date) -> Result<Timestamp, Problem> {
    let zoned = day.to_zoned(TimeZone::UTC);
    zoned.map(|zoned| zoned.timestamp()).map_err(|_| Problem::input("the date is out of range"))
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<Option<T>, Problem> {
    let wrong = |_| Problem::input(format!("{text:?} is no {what}"));
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(wrong) }
}

#[cfg(test)]
mod tests {
    use purser_store::people::AuditEntry;

    use crate::testing::Site;

    #[tokio::test]
    async fn sign_ins_are_in_the_trail_and_found_by_what_was_done() {
        let mut site = Site::new().await;
        site.post("/sign-in", "name=mallory&password=whatever-it-is").await;
        site.sign_in("olaf").await;
        let text = site.get("/audit").await.text;
        assert!(text.contains("mallory") && text.contains("sign-in.failed") && text.contains("olaf"));
        assert!(!site.get("/audit?what=failed&who=olaf").await.text.contains("<td>mallory"));
        assert!(site.get("/audit?what=nothing").await.text.contains("No entry matches"));
        assert!(site.get("/audit?to=2026-11-22").await.text.contains("No entry matches"));
        assert!(site.get("/audit?from=2026-11-23&to=2026-11-23").await.text.contains("<td>mallory"));
        for wrong in ["from=monday", "account=x", "before=x"] {
            assert_eq!(site.get(&format!("/audit?{wrong}")).await.status, 400, "{wrong}");
        }
    }

    async fn fill(site: &Site, count: u32) {
        for number in 0..count {
            let detail = serde_json::json!({ "account": 1 + number % 2 });
            let (at, who) = (site.clock.now(), format!("person-{number:04}"));
            site.store.audit(&AuditEntry { at, who, what: "test".into(), detail }).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_long_trail_is_paged_without_losing_a_line() {
        let mut site = Site::new().await;
        fill(&site, 250).await;
        site.sign_in("olaf").await;
        let (mut path, mut seen) = ("/audit?what=test".to_owned(), 0);
        loop {
            let text = site.get(&path).await.text;
            seen += text.matches("<td>person-").count();
            let Some((before, _)) = text.split_once("\">Older") else { break };
            path = before.rsplit('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
        }
        assert_eq!(seen, 250);
        assert_eq!(site.get("/audit?account=2").await.text.matches("<td>person-").count(), 100);
    }

    #[tokio::test]
    async fn the_file_has_every_line_of_the_filter_and_no_formula() {
        let mut site = Site::new().await;
        fill(&site, 1_100).await;
        site.post("/sign-in", "name=%3Dcmd()&password=whatever-it-is").await;
        site.sign_in("olaf").await;
        let file = site.get("/audit/export.csv?what=test").await.text;
        assert_eq!(file.lines().count(), 1_101);
        assert!(file.starts_with("id,at,who,what,means,address,detail"));
        let file = site.get("/audit/export.csv?what=failed").await.text;
        assert!(file.contains(",'=cmd(),sign-in.failed,web,"), "{file}");
        assert_eq!(site.lines().await[0].entry.what, "audit.exported");
    }
}
