//! What stands around every page: menu, who is signed in, how things stand, a message from the last act.

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use purser_store::accounts::{Account, ConsentState};
use purser_store::notices::{Level, Notice};
use purser_store::people::Role;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::acts::{ConnectorView, Occurrence};
use crate::assets;
use crate::books::Books;
use crate::format::NumberStyle;
use crate::problem::Problem;
use crate::state::WebState;

const FLASH: &str = "flash";

/// Who is signed in; put into the request by the guard of its route.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) role: Role,
}

impl Person {
    pub(crate) fn may(&self, role: Role) -> bool {
        self.role >= role
    }
}

/// Who asks, and how they read.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) person: Person,
    pub(crate) session: Session,
    pub(crate) numbers: NumberStyle,
}

impl Visitor {
    /// Shows this message on the next page.
    pub(crate) async fn tell(&self, tone: &'static str, text: impl Into<String>) -> Result<(), Problem> {
        Ok(self.session.insert(FLASH, Flash { tone: tone.to_owned(), text: text.into() }).await?)
    }

    /// Tells and goes on to a page.
    pub(crate) async fn tell_at(&self, text: &str, path: &str) -> Result<Response, Problem> {
        self.tell("ok", text).await?;
        Ok(Redirect::to(path).into_response())
    }
}

impl FromRequestParts<WebState> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Problem> {
        let person = parts.extensions.get::<Person>().cloned().ok_or_else(Problem::internal)?;
        let session = parts.extensions.get::<Session>().cloned().ok_or_else(Problem::internal)?;
        Ok(Self { person, session, numbers: NumberStyle::of(&parts.headers) })
    }
}

/// A message from the last act.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Flash {
    pub(crate) tone: String,
    pub(crate) text: String,
}

/// Which entry of the menu a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    Dashboard,
    Connectors,
    Purchases,
    Activity,
    Plugins,
    Settings,
    Nowhere,
}

/// What the layout template needs.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) person: Option<Person>,
    pub(crate) connectors: Vec<ConnectorView>,
    pub(crate) flash: Option<Flash>,
    /// Accounts that wait for a person.
    pub(crate) attention: usize,
    /// Others of which there is something to know.
    pub(crate) warnings: usize,
    pub(crate) accounts: usize,
    pub(crate) next_run: Option<Occurrence>,
    area: Area,
    pub(crate) css: String,
    pub(crate) script: String,
    pub(crate) htmx: String,
    pub(crate) mark: String,
}

impl Shell {
    /// Around a page for somebody who is not signed in.
    pub(crate) fn bare() -> Self {
        Self {
            person: None,
            connectors: Vec::new(),
            flash: None,
            attention: 0,
            warnings: 0,
            accounts: 0,
            next_run: None,
            area: Area::Nowhere,
            css: assets::url("app.css"),
            script: assets::url("app.js"),
            htmx: assets::url("vendor/htmx-2.0.11.min.js"),
            mark: assets::url("mark.svg"),
        }
    }

    /// Around a page for somebody who is.
    pub(crate) async fn load(state: &WebState, visitor: &Visitor, area: Area) -> Result<Self, Problem> {
        let books = Books::load(state).await?;
        let open = state.store.open_notices(None).await?;
        let next = |settings| state.acts.next_runs(settings, 1).into_iter().next();
        let scheduled = books.iter().filter(|book| book.is_scheduled());
        Ok(Self {
            person: Some(visitor.person.clone()),
            connectors: state.acts.connectors(),
            flash: visitor.session.remove(FLASH).await?,
            attention: books.iter().filter(|book| waits(&book.account, &open)).count(),
            warnings: books.iter().filter(|book| is_warned(&book.account, &open)).count(),
            accounts: books.iter().count(),
            next_run: scheduled.filter_map(|book| next(&book.settings.host)).min_by_key(|next| next.at),
            area,
            ..Self::bare()
        })
    }

    /// Marks the menu's present entry.
    pub(crate) fn current(&self, name: &str) -> bool {
        format!("{:?}", self.area).eq_ignore_ascii_case(name)
    }

    /// Whether the reader may do what an operator does.
    pub(crate) fn operates(&self) -> bool {
        self.person.as_ref().is_some_and(|person| person.may(Role::Operator))
    }

    /// Whether the reader may do what an administrator does.
    pub(crate) fn administers(&self) -> bool {
        self.person.as_ref().is_some_and(|person| person.may(Role::Admin))
    }

    /// What people call the role.
    pub(crate) fn role(&self) -> &'static str {
        self.person.as_ref().map_or("", |person| role_title(person.role))
    }
}

/// Whether an account waits for a person.
fn waits(account: &Account, open: &[Notice]) -> bool {
    let is_bad = |notice: &Notice| notice.account == account.id && notice.concern.level == Level::Error;
    matches!(account.state, ConsentState::NeedsConsent(_) | ConsentState::OperatorFault(_))
        || open.iter().any(is_bad)
}

/// Whether there is something to know of an account that does not wait for a person.
fn is_warned(account: &Account, open: &[Notice]) -> bool {
    let is_of = |notice: &Notice| notice.account == account.id;
    !waits(account, open) && (matches!(account.state, ConsentState::Degraded(_)) || open.iter().any(is_of))
}

/// What people call a role.
pub(crate) fn role_title(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "administrator",
    }
}

/// Renders a template.
pub(crate) fn page(template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "page not rendered");
        Problem::internal()
    })?;
    Ok(Html(html).into_response())
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    shell: Shell,
    problem: &'a Problem,
}

/// Turns problems into pages, or into JSON where a program asks.
pub(crate) async fn dress(
    State(state): State<WebState>,
    session: Session,
    request: Request,
    next: Next,
) -> Response {
    let is_program = request.uri().path().starts_with("/api/");
    let numbers = NumberStyle::of(request.headers());
    let response = next.run(request).await;
    let status = response.status();
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None if needs_words(status, response.headers()) => Problem::of_status(status),
        None => return response,
    };
    let mut dressed =
        if is_program { json(&problem) } else { html(&state, session, numbers, &problem).await };
    *dressed.status_mut() = status;
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            dressed.headers_mut().insert(name, value.clone());
        }
    }
    dressed
}

/// An error that came without a page of ours.
fn needs_words(status: StatusCode, headers: &HeaderMap) -> bool {
    let is_page =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    (status.is_client_error() || status.is_server_error()) && !is_page
}

fn json(problem: &Problem) -> Response {
    let mut response = axum::Json(problem).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

async fn html(state: &WebState, session: Session, numbers: NumberStyle, problem: &Problem) -> Response {
    let shell = match crate::guard::person_of(state, &session).await {
        Ok(Some(person)) => {
            Shell::load(state, &Visitor { person, session, numbers }, Area::Nowhere).await.ok()
        }
        _ => None,
    };
    let template = ProblemPage { shell: shell.unwrap_or_else(Shell::bare), problem };
    page(&template).unwrap_or_else(|_| Html("something went wrong inside Purser").into_response())
}
