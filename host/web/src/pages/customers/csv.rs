//! `…/customers/export.csv` and `…/customers/import`: the mapping as a table, and our own customers to suggest from.
//!
//! **Invariant:** an import is shown before it is done, and done whole or not at all.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use purser_domain::AccountId;
use purser_domain::customer::Target;
use purser_domain::suggestion::KnownCustomer;
use purser_store::customers::MappingChange;
use serde::Deserialize;

use crate::acts::ConnectorView;
use crate::books::{Book, Books};
use crate::mappings::{self, BEGINNING};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

const COLUMNS: [&str; 7] =
    ["account", "vendor_customer", "name", "domain", "from", "customer_code", "ignored_because"];
/// Mistakes that are shown; more are counted.
const MISTAKES: usize = 50;

/// The mapping; a customer nobody has mapped is a row to fill in.
pub(crate) async fn export(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let mut file = csv::Writer::from_writer(Vec::new());
    let broken = |_| Problem::internal();
    file.write_record(COLUMNS).map_err(broken)?;
    for book in Books::load(&state).await?.of_connector(&connector.id) {
        let account = book.account.id.to_string();
        for customer in mappings::load(&state, book).await? {
            let told = [account.as_str(), &customer.id, &customer.name, &customer.domain];
            let mut lines: Vec<[String; 3]> = customer.rows.iter().filter_map(line).collect();
            if lines.is_empty() {
                lines.push(Default::default());
            }
            for line in &lines {
                file.write_record(told.into_iter().chain(line.iter().map(String::as_str))).map_err(broken)?;
            }
        }
    }
    state
        .audit(&visitor.person.name, "customers.exported", serde_json::json!({ "connector": connector.id }))
        .await?;
    let bytes = file.into_inner().map_err(|_| Problem::internal())?;
    let disposition = format!("attachment; filename=\"customers-{}.csv\"", connector.id);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, bytes).into_response())
}

fn line(row: &purser_store::customers::MappingRow) -> Option<[String; 3]> {
    let from = if row.change.from <= BEGINNING { String::new() } else { row.change.from.to_string() };
    match row.change.target.as_ref()? {
        Target::Code(code) => Some([from, code.clone(), String::new()]),
        Target::Ignored(reason) => Some([from, String::new(), reason.clone()]),
        Target::Unmapped => None,
    }
}

#[derive(Template)]
#[template(path = "customers_import.html")]
struct ImportPage {
    shell: Shell,
    connector: ConnectorView,
    kind: Kind,
    text: String,
    plan: Option<Plan>,
    mistakes: Vec<String>,
}

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Which of ours each of the vendor's is.
    #[default]
    Mapping,
    /// Who ours are.
    Ours,
}

/// What a form sends.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Sent {
    kind: Kind,
    csv: String,
    /// `yes`: do it; else only show it.
    apply: String,
}

/// What an import would do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    changes: BTreeMap<AccountId, Vec<MappingChange>>,
    known: Vec<KnownCustomer>,
    /// Rows that say what is so already, or nothing.
    same: usize,
    /// Customers the vendor has not listed (yet).
    unlisted: Vec<String>,
}

impl Plan {
    fn count(&self) -> usize {
        self.changes.values().map(Vec::len).sum::<usize>() + self.known.len()
    }
}

/// The form.
pub(crate) async fn form(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let shell = Shell::load(&state, &visitor, Area::Connectors).await?;
    let (kind, text) = (Kind::Mapping, String::new());
    page(&ImportPage { shell, connector, kind, text, plan: None, mistakes: Vec::new() })
}

/// Shows what an import would do, or does it.
pub(crate) async fn import(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let books = Books::load(&state).await?;
    let mine: Vec<&Book> = books.of_connector(&connector.id).collect();
    let planned = match sent.kind {
        Kind::Mapping => plan_mapping(&state, &mine, &sent.csv).await?,
        Kind::Ours => plan_ours(&sent.csv),
    };
    match planned {
        Ok(plan) if sent.apply == "yes" => apply(&state, &visitor, &mine, &connector, plan, sent.kind).await,
        Ok(plan) => draw(&state, &visitor, connector, sent, Some(plan), Vec::new()).await,
        Err(mistakes) => {
            let drawn = draw(&state, &visitor, connector, sent, None, mistakes).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn).into_response())
        }
    }
}

async fn draw(
    state: &WebState,
    visitor: &Visitor,
    connector: ConnectorView,
    sent: Sent,
    plan: Option<Plan>,
    mut mistakes: Vec<String>,
) -> Result<Response, Problem> {
    if let Some(more) = mistakes.len().checked_sub(MISTAKES).filter(|more| *more > 0) {
        mistakes.truncate(MISTAKES);
        mistakes.push(format!("and {more} more"));
    }
    let shell = Shell::load(state, visitor, Area::Connectors).await?;
    page(&ImportPage { shell, connector, kind: sent.kind, text: sent.csv, plan, mistakes })
}

async fn apply(
    state: &WebState,
    visitor: &Visitor,
    mine: &[&Book],
    connector: &ConnectorView,
    plan: Plan,
    kind: Kind,
) -> Result<Response, Problem> {
    let who = visitor.person.name.as_str();
    let (mut total, count) = (purser_store::customers::Restamped::default(), plan.count());
    for book in mine {
        if let Some(changes) = plan.changes.get(&book.account.id) {
            let done = mappings::change(state, who, book, changes).await?;
            total.changed += done.changed;
            total.moved += done.moved;
        }
    }
    let path = format!("/connectors/{}/customers", connector.id);
    if kind == Kind::Ours {
        let before = state.store.known_customers().await?.len();
        state.store.put_known_customers(&plan.known).await?;
        let detail =
            serde_json::json!({ "before": { "customers": before }, "after": { "customers": count } });
        state.audit(who, "customers.listed", detail).await?;
        return visitor
            .tell_at(&format!("{count} of our customers are known now, to suggest from."), &path)
            .await;
    }
    visitor.tell_at(&format!("{count} rows were imported. {}", mappings::told(total)), &path).await
}

type Planned = Result<Plan, Vec<String>>;

async fn plan_mapping(state: &WebState, mine: &[&Book], text: &str) -> Result<Planned, Problem> {
    let mut stored = BTreeMap::new();
    let mut listed = BTreeMap::new();
    for book in mine {
        for customer in mappings::load(state, book).await? {
            let id = (book.account.id, customer.id.to_lowercase());
            for row in customer.rows {
                stored.insert((id.0, id.1.clone(), row.change.from), row.change.target);
            }
            listed.insert(id, ());
        }
    }
    let accounts: Vec<AccountId> = mine.iter().map(|book| book.account.id).collect();
    Ok(read(text, &["vendor_customer"], |row, plan: &mut Plan| {
        let account = account_of(&row, &accounts)?;
        let Some(change) = change_of(&row)? else {
            plan.same += 1;
            return Ok(());
        };
        let id = (account, change.vendor_customer.to_lowercase());
        if stored.get(&(account, id.1.clone(), change.from)) == Some(&change.target) {
            plan.same += 1;
            return Ok(());
        }
        if !listed.contains_key(&id) {
            plan.unlisted.push(change.vendor_customer.clone());
        }
        plan.changes.entry(account).or_default().push(change);
        Ok(())
    }))
}

fn account_of(row: &BTreeMap<String, String>, accounts: &[AccountId]) -> Result<AccountId, String> {
    let told = row.get("account").map_or("", |text| text.trim());
    match (told, accounts) {
        ("", [only]) => Ok(*only),
        ("", _) => Err("the account is missing: this connector has several".to_owned()),
        (told, _) => accounts
            .iter()
            .copied()
            .find(|account| account.to_string() == told)
            .ok_or_else(|| format!("{told:?} is no account of this connector")),
    }
}

fn change_of(row: &BTreeMap<String, String>) -> Result<Option<MappingChange>, String> {
    let cell = |name: &str| row.get(name).map_or("", |text| text.trim());
    let target = match (cell("customer_code"), cell("ignored_because")) {
        ("", "") => return Ok(None),
        (code, "") => Target::Code(mappings::text(code, "customer_code")?),
        ("", reason) => Target::Ignored(mappings::text(reason, "ignored_because")?),
        _ => return Err("both customer_code and ignored_because are filled in: choose one".to_owned()),
    };
    let vendor_customer = mappings::text(cell("vendor_customer"), "vendor_customer")?;
    Ok(Some(MappingChange {
        vendor_customer,
        from: mappings::first_day(cell("from"))?,
        target: Some(target),
    }))
}

fn plan_ours(text: &str) -> Planned {
    read(text, &["code"], |row, plan: &mut Plan| {
        let cell = |name: &str| row.get(name).map_or("", |text| text.trim()).to_owned();
        let code = mappings::text(&cell("code"), "code")?;
        if plan.known.iter().any(|known| known.code == code) {
            return Err(format!("the code {code:?} stands twice"));
        }
        let (name, domain, vendor_customer) = (cell("name"), cell("domain"), cell("vendor_customer"));
        plan.known.push(KnownCustomer { code, name, domain, vendor_customer });
        Ok(())
    })
}

/// Reads rows by their column's name. Every mistake is told with its line, not only the first.
fn read(
    text: &str,
    needed: &[&str],
    mut take: impl FnMut(BTreeMap<String, String>, &mut Plan) -> Result<(), String>,
) -> Planned {
    // Excel writes a mark of the byte order, and semicolons where the comma is in numbers.
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
    let mut file =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let names: Vec<String> = match file.headers() {
        Ok(names) => names.iter().map(|name| name.to_lowercase()).collect(),
        Err(_) => return Err(vec!["the first line could not be read".to_owned()]),
    };
    let missing: Vec<_> = needed.iter().filter(|name| !names.iter().any(|known| known == *name)).collect();
    if let Some(missing) = missing.first() {
        return Err(vec![format!(
            "the first line names no column {missing}; it names: {}",
            names.join(", ")
        )]);
    }
    let (mut plan, mut mistakes) = (Plan::default(), Vec::new());
    for record in file.records() {
        let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
        match record {
            Ok(record) => {
                let line = line(record.position());
                let row = names.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
                if let Err(mistake) = take(row, &mut plan) {
                    mistakes.push(format!("line {line}: {mistake}"));
                }
            }
            Err(error) => {
                mistakes.push(format!("line {}: it has other columns than the first", line(error.position())))
            }
        }
    }
    if mistakes.is_empty() { Ok(plan) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    const IMPORT: &str = "/connectors/test-cloud/customers/import";

    fn form(csv: &str, more: &str) -> String {
        let csv: String = url::form_urlencoded::byte_serialize(csv.as_bytes()).collect();
        format!("csv={csv}{more}")
    }

    #[tokio::test]
    async fn what_was_exported_and_filled_in_is_imported_after_it_was_shown() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let file = site.get("/connectors/test-cloud/customers/export.csv").await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert!(file.text.contains("1,c-1,Bakery Jansen,jansen.example,,,\n"), "{}", file.text);
        let filled = file
            .text
            .replace("jansen.example,,,", "jansen.example,,K-1,")
            .replace("Pedaal,,,,", "Pedaal,,,,own");
        let shown = site.post(IMPORT, &form(&filled, "")).await.text;
        assert!(shown.contains("2 rows would change") && shown.contains("name=\"apply\""), "{shown}");
        assert_eq!(site.purchase("VM").await.customer_code.as_deref(), Some("c-1"));
        site.post(IMPORT, &form(&filled, "&apply=yes")).await;
        assert_eq!(site.purchase("VM").await.customer_code.as_deref(), Some("K-1"));
        assert_eq!(site.purchase("blob").await.customer_code, None);
        let again = site.get("/connectors/test-cloud/customers/export.csv").await.text;
        assert!(again.contains(",K-1,") && again.contains(",own"), "{again}");
        assert!(site.post(IMPORT, &form(&again, "")).await.text.contains("Nothing would change"));
    }

    #[tokio::test]
    async fn every_mistake_is_told_with_its_line_and_nothing_is_done() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let csv = "vendor_customer;customer_code;ignored_because;from;account\n\
                   c-1;K-1;;;1\nc-1;K-1;both;;\nc-2;K-2;;soon;\nc-2;K-2;;;9\n";
        let answer = site.post(IMPORT, &form(csv, "&apply=yes")).await;
        assert_eq!(answer.status, 422);
        for part in ["line 3: both", "line 4:", "is no date", "line 5:", "is no account"] {
            assert!(answer.text.contains(part), "{part}: {}", answer.text);
        }
        assert_eq!(site.purchase("VM").await.customer_code.as_deref(), Some("c-1"));
        let headless = site.post(IMPORT, &form("a,b\n1,2\n", "")).await.text;
        assert!(headless.contains("names no column vendor_customer"), "{headless}");
    }

    #[tokio::test]
    async fn our_own_customers_are_imported_to_suggest_from() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let csv = "code,name,domain\nK-7,Jansen,jansen.example\n";
        site.post(IMPORT, &form(csv, "&kind=ours&apply=yes")).await;
        assert!(site.get("/connectors/test-cloud/customers").await.text.contains("K-7"));
        let twice = site.post(IMPORT, &form("code\nK-7\nK-7\n", "&kind=ours")).await;
        assert!(twice.status == 422 && twice.text.contains("stands twice"));
    }
}
