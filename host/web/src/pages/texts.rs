//! `/connectors/{connector}/texts`: product names in a language — what is known, what is missing, and one's own words.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use purser_domain::AccountId;
use purser_store::texts::{Coverage, MissingText, OwnText, OwnTextChange, OwnWords};
use serde::Deserialize;

use super::account::book_of;
use crate::acts::ConnectorView;
use crate::books::{Book, Books};
use crate::format::When;
use crate::mappings;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Rows a page shows.
const LIMIT: usize = 500;

#[derive(Template)]
#[template(path = "texts.html")]
struct TextsPage {
    shell: Shell,
    connector: ConnectorView,
    accounts: Vec<(AccountId, String)>,
    account: Option<AccountId>,
    locale: String,
    coverage: Vec<Known>,
    missing: Vec<Missing>,
    hidden: usize,
    own: Vec<Own>,
}

/// How much of a language is known.
struct Known {
    requested: String,
    answered: String,
    known: u64,
    wanted: u64,
    share: u64,
}

impl Known {
    fn of(coverage: Coverage) -> Self {
        let Coverage { requested, answered, known, wanted } = coverage;
        Self { share: (known * 100).checked_div(wanted).unwrap_or(0), requested, answered, known, wanted }
    }
}

/// A product without a text in the language.
struct Missing {
    path: String,
    key: String,
    words: String,
    purchases: String,
}

/// Own words.
struct Own {
    path: String,
    key: String,
    locale: String,
    name: String,
    by: String,
    at: When,
}

/// Which account and language.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Asked {
    account: String,
    locale: String,
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let shell = Shell::load(&state, &visitor, Area::Connectors).await?;
    let books = Books::load(&state).await?;
    let id = connector.id.clone();
    let mine: Vec<&Book> = books.of_connector(&id).collect();
    let accounts = mine.iter().map(|book| (book.account.id, book.account.title.clone())).collect();
    let chosen =
        mine.iter().find(|book| asked.account.is_empty() || book.account.id.to_string() == asked.account);
    let mut shown = TextsPage {
        shell,
        connector,
        accounts,
        account: chosen.map(|book| book.account.id),
        locale: asked.locale,
        coverage: Vec::new(),
        missing: Vec::new(),
        hidden: 0,
        own: Vec::new(),
    };
    match chosen {
        Some(book) => shown.fill(&state, &visitor, book).await?,
        None if asked.account.is_empty() => {}
        None => return Err(Problem::not_found("account")),
    }
    page(&shown)
}

impl TextsPage {
    async fn fill(&mut self, state: &WebState, visitor: &Visitor, book: &Book) -> Result<(), Problem> {
        let (store, account) = (&state.store, book.account.id);
        if self.locale.is_empty() {
            self.locale.clone_from(&book.settings.host.locale);
        }
        self.coverage = store.coverage(account).await?.into_iter().map(Known::of).collect();
        let missing = store.missing_texts(account, &self.locale).await?;
        self.hidden = missing.len().saturating_sub(LIMIT);
        self.missing = missing.into_iter().take(LIMIT).map(|it| missing_of(book, it, visitor)).collect();
        self.own = store.own_texts(account).await?.into_iter().filter_map(|own| own_of(book, own)).collect();
        Ok(())
    }

    fn is_account(&self, account: &AccountId) -> bool {
        self.account == Some(*account)
    }
}

fn missing_of(book: &Book, missing: MissingText, visitor: &Visitor) -> Missing {
    Missing {
        path: path(book, &missing.key),
        words: missing.product_text,
        purchases: visitor.numbers.count(missing.purchases),
        key: missing.key,
    }
}

fn own_of(book: &Book, own: OwnText) -> Option<Own> {
    Some(Own {
        path: path(book, &own.change.key),
        name: own.change.words?.name,
        key: own.change.key,
        locale: own.change.locale,
        by: own.by,
        at: When::new(own.at, &book.zone),
    })
}

/// The page of one product's words.
pub(crate) fn path(book: &Book, key: &str) -> String {
    let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let key = key.replace('+', "%20");
    format!("/connectors/{}/accounts/{}/texts/{key}", book.account.connector, book.account.id)
}

#[derive(Template)]
#[template(path = "text.html")]
struct TextPage {
    shell: Shell,
    connector: ConnectorView,
    path: String,
    key: String,
    account: String,
    texts: Vec<InLocale>,
    history: Vec<Shown>,
    sent: Sent,
    failure: String,
}

/// The vendor's text in one language.
struct InLocale {
    locale: String,
    name: String,
    category: String,
    unit: String,
    /// What to know about it.
    mark: String,
}

/// One state of the own words.
struct Shown {
    locale: String,
    words: String,
    by: String,
    at: When,
}

/// What a form sends.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Sent {
    locale: String,
    name: String,
    category: String,
    unit: String,
    /// `yes`: the vendor's words again.
    remove: String,
}

/// The words of one product.
pub(crate) async fn one(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account, key)): Path<(String, AccountId, String)>,
) -> Result<Response, Problem> {
    let (connector, book) = book_of(&state, &connector, account).await?;
    let sent = Sent { locale: book.settings.host.locale.clone(), ..Sent::default() };
    draw(&state, &visitor, connector, (&book, &key), sent, String::new()).await
}

/// Gives a product own words, or takes them back.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account, key)): Path<(String, AccountId, String)>,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let (connector, book) = book_of(&state, &connector, account).await?;
    let change = match change(&connector, &key, &sent) {
        Ok(change) => change,
        Err(failure) => {
            let drawn = draw(&state, &visitor, connector, (&book, &key), sent, failure).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn).into_response());
        }
    };
    let (who, now) = (visitor.person.name.as_str(), state.acts.now());
    let mut before = state.store.own_text_history(account, &key).await?;
    before.retain(|own| own.change.locale == change.locale);
    state.store.change_own_text(account, &change, who, now).await?;
    let before = before.first().and_then(|own| own.change.words.clone());
    let detail = serde_json::json!({ "account": account, "before": before, "after": change });
    state.audit(who, "text.changed", detail).await?;
    visitor.tell_at("Saved. Purchases show it at once.", &path(&book, &key)).await
}

fn change(connector: &ConnectorView, key: &str, sent: &Sent) -> Result<OwnTextChange, String> {
    let known = connector.locales.iter().find(|locale| locale.tag.eq_ignore_ascii_case(&sent.locale));
    let locale = known.ok_or("choose a language from the list")?.tag.clone();
    let optional = |text: &str, what| {
        if text.trim().is_empty() { Ok(String::new()) } else { mappings::text(text, what) }
    };
    let words = match sent.remove.as_str() {
        "yes" => None,
        _ => Some(OwnWords {
            name: mappings::text(&sent.name, "the name")?,
            category: optional(&sent.category, "the category")?,
            unit: optional(&sent.unit, "the unit")?,
        }),
    };
    Ok(OwnTextChange { key: key.to_lowercase(), locale, words })
}

async fn draw(
    state: &WebState,
    visitor: &Visitor,
    connector: ConnectorView,
    (book, key): (&Book, &str),
    sent: Sent,
    failure: String,
) -> Result<Response, Problem> {
    let history = state.store.own_text_history(book.account.id, key).await?;
    let texts = in_locales(state, book, &connector, key).await?;
    if texts.is_empty() && history.is_empty() && !is_named(state, book, key).await? {
        return Err(Problem::not_found("product"));
    }
    page(&TextPage {
        shell: Shell::load(state, visitor, Area::Connectors).await?,
        path: path(book, key),
        key: key.to_owned(),
        account: book.account.title.clone(),
        texts,
        history: history.into_iter().map(|own| shown(own, book)).collect(),
        connector,
        sent,
        failure,
    })
}

/// Whether a Purchase names the product.
async fn is_named(state: &WebState, book: &Book, key: &str) -> Result<bool, Problem> {
    let missing = state.store.missing_texts(book.account.id, "").await?;
    Ok(missing.iter().any(|missing| missing.key.eq_ignore_ascii_case(key)))
}

/// The vendor's texts. What is word for word the default language's may not have been translated at all: the vendor only
/// says which language was asked for.
async fn in_locales(
    state: &WebState,
    book: &Book,
    connector: &ConnectorView,
    key: &str,
) -> Result<Vec<InLocale>, Problem> {
    let locales: Vec<String> = connector.locales.iter().map(|locale| locale.tag.clone()).collect();
    let texts = state.store.texts(book.account.id, &[key.to_owned()], &locales).await?;
    let default =
        texts.iter().find(|text| text.locale == connector.default_locale).map(|text| text.name.clone());
    let mark = |text: &purser_store::texts::ProductText| {
        if text.requested != text.locale {
            format!("the vendor answered {} in {}", text.requested, text.locale)
        } else if text.locale != connector.default_locale && default.as_ref() == Some(&text.name) {
            format!("the same words as in {}: perhaps not translated", connector.default_locale)
        } else {
            String::new()
        }
    };
    let row = |text: purser_store::texts::ProductText| InLocale {
        mark: mark(&text),
        locale: text.locale,
        name: text.name,
        category: text.category,
        unit: text.unit,
    };
    Ok(texts.into_iter().map(row).collect())
}

fn shown(own: OwnText, book: &Book) -> Shown {
    let words = match own.change.words {
        Some(OwnWords { name, category, unit }) => {
            let more: Vec<String> = [category, unit].into_iter().filter(|text| !text.is_empty()).collect();
            if more.is_empty() { name } else { format!("{name} ({})", more.join(", ")) }
        }
        None => "the vendor's words again".to_owned(),
    };
    Shown { locale: own.change.locale, words, by: own.by, at: When::new(own.at, &book.zone) }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    const LIST: &str = "/connectors/test-cloud/texts";
    const BLOB: &str = "/connectors/test-cloud/accounts/1/texts/key-blob";

    #[tokio::test]
    async fn what_is_missing_in_a_language_is_listed() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let text = site.get(LIST).await.text;
        for part in ["nl-NL", "1 of 3", "key-blob", "key-odd", "vendor words", BLOB] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("/texts/key-vm"), "{text}");
        let english = site.get(&format!("{LIST}?locale=en-US")).await.text;
        assert!(!english.contains("/texts/key-blob") && english.contains("/texts/key-odd"));
        assert_eq!(site.get(&format!("{LIST}?account=9")).await.status, 404);
    }

    #[tokio::test]
    async fn own_words_come_first_in_their_language_and_can_be_taken_back() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let key = site.purchase("blob").await.key;
        let explain = format!("/purchases/{key}");
        assert!(site.get(&explain).await.text.contains("Blob storage"));
        let form = "locale=nl-NL&name=Opslag&category=&unit=";
        assert_eq!(site.post(BLOB, form).await.location(), BLOB);
        let text = site.get(&explain).await.text;
        assert!(text.contains("Opslag") && text.contains("in your own words"), "{text}");
        let list = site.get(LIST).await.text;
        assert!(list.contains("Missing in nl-NL <span class=\"count\">1<"), "{list}");
        assert!(list.contains("Own words <span class=\"count\">1<"), "{list}");
        site.post(BLOB, "locale=nl-NL&remove=yes").await;
        assert!(site.get(&explain).await.text.contains("Blob storage"));
        let history = site.get(BLOB).await.text;
        for part in ["Opslag", "words again", "olaf", "Blob storage"] {
            assert!(history.contains(part), "{part}: {history}");
        }
        assert!(site.get("/audit").await.text.contains("text.changed"));
    }

    #[tokio::test]
    async fn a_change_without_a_name_or_in_no_language_is_refused() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        for (form, what) in
            [("locale=nl-NL&name=", "the name is missing"), ("locale=xx&name=A", "choose a language")]
        {
            let answer = site.post(BLOB, form).await;
            assert!(answer.status == 422 && answer.text.contains(what), "{}", answer.text);
        }
        assert_eq!(site.get("/connectors/test-cloud/accounts/1/texts/nothing").await.status, 404);
    }

    #[tokio::test]
    async fn before_the_first_retrieval_it_says_so() {
        let mut site = Site::connected().await;
        site.sign_in("vera").await;
        assert!(site.get(LIST).await.text.contains("No product has been named yet"));
        let mut site = Site::empty().await;
        site.sign_in("vera").await;
        assert!(site.get(LIST).await.text.contains("No account is connected"));
    }
}
