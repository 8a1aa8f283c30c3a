//! `/connectors/{connector}/accounts/{account}`: an account's name, Locale, schedule and the plugin's settings; and
//! what can be done with it: run now, pause, resume, disconnect.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use purser_domain::AccountId;
use purser_store::accounts::{HostSettings, Settings, UnmappedCustomers};
use purser_store::texts::Coverage;
use serde::Deserialize;

use super::account_consent::{ConsentSection, section};
use super::account_form::{self as form, Failure, Field, Kind, Sent};
use super::account_names::{NameRow, Outlook, names, outlook};
use crate::acts::{ConnectorView, Occurrence};
use crate::books::Book;
use crate::format::{Pill, consent_pill};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    connector: ConnectorView,
    account: AccountId,
    tenant: String,
    cloud: String,
    pill: Pill,
    title: String,
    revision: u32,
    host: HostSettings,
    fields: Vec<Field>,
    failures: Vec<Failure>,
    zones: Vec<String>,
    next: Vec<Occurrence>,
    coverage: Vec<Coverage>,
    names: Vec<NameRow>,
    outlook: Outlook,
    consent: Option<ConsentSection>,
}

impl AccountPage {
    fn failure(&self, field: &str) -> &str {
        self.failures
            .iter()
            .find(|failure| failure.field == field)
            .map_or("", |failure| failure.what.as_str())
    }

    fn has_feed(&self, name: &str) -> bool {
        self.host.feeds.is_empty() || self.host.feeds.iter().any(|feed| feed == name)
    }

    fn unmapped_wait(&self) -> bool {
        self.host.unmapped_customers == UnmappedCustomers::Wait
    }

    fn close_after(&self) -> String {
        self.host.close_after_days.map(|days| days.to_string()).unwrap_or_default()
    }

    fn known_share(&self, coverage: &Coverage) -> u64 {
        (coverage.known * 100).checked_div(coverage.wanted).unwrap_or(0)
    }
}

/// The form.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
) -> Result<Response, Problem> {
    let (connector, book) = book_of(&state, &connector, account).await?;
    let fields = form::fields(&connector, &book.settings.plugin);
    let shown = Shown {
        title: book.account.title.clone(),
        host: book.settings.host.clone(),
        fields,
        failures: Vec::new(),
    };
    draw(&state, &visitor, connector, &book, shown).await
}

/// Saves what was sent as a new settings revision.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let (connector, book) = book_of(&state, &connector, account).await?;
    let (host, mut failures) = form::read_host(&connector, &book.settings, &sent);
    let (fields, plugin) = form::read_plugin(&connector, &sent);
    let title = form::last(&sent, "title").unwrap_or_default().trim().to_owned();
    if title.is_empty() || title.chars().count() > 120 {
        failures.push(Failure { field: "title", what: "Give a name of 1 to 120 characters.".to_owned() });
    }
    if failures.is_empty() && fields.iter().all(|field| field.failure.is_empty()) {
        match state.acts.validate_settings(&connector.id, &book.settings, &host, &plugin) {
            Ok(()) => return store(&state, &visitor, &book, &sent, Change { title, host, plugin }).await,
            Err(problem) => {
                let what = format!("{} · {} ({})", problem.what, problem.remedy, problem.code);
                failures.push(Failure { field: "form", what });
            }
        }
    }
    let drawn = draw(&state, &visitor, connector, &book, Shown { title, host, fields, failures }).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn).into_response())
}

struct Change {
    title: String,
    host: HostSettings,
    plugin: serde_json::Value,
}

async fn store(
    state: &WebState,
    visitor: &Visitor,
    book: &Book,
    sent: &Sent,
    change: Change,
) -> Result<Response, Problem> {
    let (account, who) = (&book.account, visitor.person.name.as_str());
    let based_on =
        form::last(sent, "revision").and_then(|text| text.parse().ok()).unwrap_or(book.settings.revision);
    let (now, Change { title, host, plugin }) = (state.acts.now(), change);
    let saved = state.store.save_settings(account.id, based_on, &host, &plugin, who, now).await?;
    if title != account.title {
        state.store.rename_account(account.id, &title).await?;
    }
    let [mut before, mut after] = changes(&book.settings, &saved);
    if title != account.title {
        before.insert("title".to_owned(), account.title.as_str().into());
        after.insert("title".to_owned(), title.into());
    }
    let detail = serde_json::json!({
        "account": account.id, "revision": saved.revision, "before": before, "after": after,
    });
    state.audit(who, "settings.changed", detail).await?;
    let path = format!("/connectors/{}/accounts/{}", account.connector, account.id);
    visitor.tell_at("Saved. It applies from the next retrieval.", &path).await
}

/// Settings that differ, by their value before and after.
fn changes(before: &Settings, after: &Settings) -> [serde_json::Map<String, serde_json::Value>; 2] {
    let flat = |settings: &Settings| {
        let mut all = serde_json::to_value(&settings.host).unwrap_or_default();
        if let (Some(all), Some(plugin)) = (all.as_object_mut(), settings.plugin.as_object()) {
            all.extend(plugin.iter().map(|(name, value)| (format!("plugin.{name}"), value.clone())));
        }
        all
    };
    let (before, after) = (flat(before), flat(after));
    let differs = |name: &String| before.get(name.as_str()) != after.get(name.as_str());
    let of = |settings: &serde_json::Value| {
        let all = settings.as_object().into_iter().flatten().filter(|(name, _)| differs(name));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    [of(&before), of(&after)]
}

struct Shown {
    title: String,
    host: HostSettings,
    fields: Vec<Field>,
    failures: Vec<Failure>,
}

async fn draw(
    state: &WebState,
    visitor: &Visitor,
    connector: ConnectorView,
    book: &Book,
    shown: Shown,
) -> Result<Response, Problem> {
    let account = book.account.id;
    let Shown { title, host, fields, failures } = shown;
    page(&AccountPage {
        shell: Shell::load(state, visitor, Area::Connectors).await?,
        connector,
        account,
        tenant: book.account.tenant.clone(),
        cloud: book.account.cloud.clone(),
        pill: consent_pill(&book.account.state),
        title,
        revision: book.settings.revision,
        fields,
        failures,
        zones: jiff::tz::db().available().map(|zone| zone.to_string()).collect(),
        next: state.acts.next_runs(&book.settings.host, 3),
        coverage: state.store.coverage(account).await?,
        names: names(state, book, &host.locale).await?,
        outlook: outlook(state, book, &host.locale).await?,
        consent: section(state, book).await?,
        host,
    })
}

/// Stops the schedule.
pub(crate) async fn pause(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
) -> Result<Response, Problem> {
    let (connector, _) = book_of(&state, &connector, account).await?;
    state.acts.pause(account, &visitor.person.name).await?;
    visitor.tell_at("Paused: nothing is retrieved until you resume.", &settings_path(&connector)).await
}

/// Starts it again.
pub(crate) async fn resume(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
) -> Result<Response, Problem> {
    let (connector, _) = book_of(&state, &connector, account).await?;
    state.acts.resume(account, &visitor.person.name).await?;
    visitor.tell_at("Resumed: the schedule runs again.", &settings_path(&connector)).await
}

/// Erases the grant.
pub(crate) async fn disconnect(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
) -> Result<Response, Problem> {
    let (connector, _) = book_of(&state, &connector, account).await?;
    state.acts.disconnect(account, &visitor.person.name).await?;
    let told = if connector.consent.is_some() {
        "Disconnected: the stored consent was erased. Purchases stay."
    } else if connector.takes_secret {
        "Disconnected: the stored secret was erased. Purchases stay."
    } else {
        "Disconnected. Purchases stay."
    };
    visitor.tell_at(told, &settings_path(&connector)).await
}

/// The window of a run; empty: as a daily run.
#[derive(Deserialize)]
pub(crate) struct Window {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

/// Orders a run.
pub(crate) async fn run_now(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
    Form(window): Form<Window>,
) -> Result<Response, Problem> {
    book_of(&state, &connector, account).await?;
    let from = date(&window.from)?;
    // A form asks for the last day, the port for the first one after.
    let to = date(&window.to)?.map(|last| last.tomorrow().unwrap_or(last));
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(Problem::input("the last day lies before the first"));
    }
    let run = state.acts.run_now(account, from, to, &visitor.person.name).await?;
    visitor.tell_at("The run is ordered.", &format!("/activity/{run}")).await
}

fn date(text: &str) -> Result<Option<Date>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| Problem::input(format!("{text:?} is no date such as 2026-11-23"))),
    }
}

/// The account, where it belongs to the connector.
pub(crate) async fn book_of(
    state: &WebState,
    connector: &str,
    account: AccountId,
) -> Result<(ConnectorView, Book), Problem> {
    let connector = state.connector(connector)?;
    let book = Book::load(state, account).await?;
    if book.account.connector != connector.id {
        return Err(Problem::not_found("account"));
    }
    Ok((connector, book))
}

fn settings_path(connector: &ConnectorView) -> String {
    format!("/connectors/{}/settings", connector.id)
}

#[cfg(test)]
mod tests {
    use purser_domain::AccountId;

    use crate::testing::Site;

    const PATH: &str = "/connectors/test-cloud/accounts/1";
    const FORM: &str = "title=Contoso+Partner&locale=de-DE&zone=Europe%2FAmsterdam&time=07%3A30&look_back.usage=5\
        &void_threshold_percent=10&feed=usage&feed=names&plugin.market=NL&plugin.mode=daily&plugin.months=2&plugin.skip=";

    #[tokio::test]
    async fn the_locale_is_chosen_by_its_own_name_and_saved_as_a_new_revision() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let text = site.get(PATH).await.text;
        assert!(
            text.contains("Nederlands (Nederland)") && text.contains("<option value=\"nl-NL\" selected"),
            "{text}"
        );
        assert!(text.contains("value=\"CET\"") && text.contains("Europe/Amsterdam"));
        assert_eq!(site.post(PATH, FORM).await.location(), PATH);
        let settings = site.store.settings(AccountId(1)).await.unwrap();
        assert_eq!((settings.host.locale.as_str(), settings.host.time.as_str()), ("de-DE", "07:30"));
        assert_eq!(settings.plugin["months"], 2);
        assert_eq!((settings.host.look_back_of("usage"), settings.host.look_back_of("names")), (5, 3));
        assert_eq!(settings.changed_by, "olaf");
        let trail = site.store.audit_trail(10).await.unwrap();
        let entry = trail.iter().find(|entry| entry.what == "settings.changed").unwrap();
        let of = |side: &str| entry.detail[side]["locale"].as_str().unwrap().to_owned();
        assert_eq!((of("before").as_str(), of("after").as_str()), ("nl-NL", "de-DE"));
    }

    #[tokio::test]
    async fn a_wrong_field_is_told_beside_it_and_nothing_is_saved() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let before = site.store.settings(AccountId(1)).await.unwrap();
        let answer = site
            .post(PATH, &FORM.replace("Europe%2FAmsterdam", "Mars").replace("months=2", "months=99"))
            .await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text.contains("Choose a time zone") && answer.text.contains("Give a number from 1 to 12.")
        );
        assert!(answer.text.contains("value=\"Mars\""), "what was typed stays");
        assert_eq!(site.store.settings(AccountId(1)).await.unwrap(), before);
    }

    #[tokio::test]
    async fn two_people_do_not_overwrite_each_other() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let revision = site.store.settings(AccountId(1)).await.unwrap().revision;
        let stale = format!("{FORM}&revision={revision}");
        assert_eq!(site.post(PATH, &stale).await.status, 303);
        let second = site.post(PATH, &stale).await;
        assert_eq!(second.status, 409);
        assert!(second.text.contains("changed by somebody else"));
    }

    #[tokio::test]
    async fn run_now_takes_the_last_day_as_people_say_it() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let answer = site.post(&format!("{PATH}/run"), "from=2026-11-01&to=2026-11-02").await;
        assert!(answer.location().starts_with("/activity/"));
        assert_eq!(site.acts.log(), ["run 1 Some(2026-11-01) Some(2026-11-03) olaf"]);
        assert_eq!(site.post(&format!("{PATH}/run"), "from=2026-11-03&to=2026-11-02").await.status, 400);
        assert_eq!(site.post(&format!("{PATH}/run"), "from=x").await.status, 400);
    }

    #[tokio::test]
    async fn pause_resume_and_disconnect_are_carried_out_in_the_persons_name() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        for act in ["pause", "resume", "disconnect"] {
            assert_eq!(
                site.post(&format!("{PATH}/{act}"), "").await.location(),
                "/connectors/test-cloud/settings"
            );
        }
        assert_eq!(site.acts.log(), ["pause 1 olaf", "resume 1 olaf", "disconnect 1 olaf"]);
    }
}
