//! `/purchases/{id}`: why a Purchase is as it is — its records as received, page, run, plugin, text, customer, history.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use purser_domain::purchase::{Amount, Evidence, Key};
use purser_domain::{Digest, Purchase};
use purser_store::ledger::Revision;
use purser_store::runs::PageSource;

use super::purchases::{Row, rows, standing};
use super::records::{self, Shown};
use crate::books::{Book, Books};
use crate::format::{Number, NumberStyle, Pill, When};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Records shown; the rest are counted, and their pages can be downloaded.
const RECORDS: usize = 20;

#[derive(Template)]
#[template(path = "explain.html")]
struct ExplainPage {
    shell: Shell,
    row: Row,
    purchase: Purchase,
    pill: Option<Pill>,
    locale: String,
    pricing: String,
    customer: CustomerMatch,
    pages: Vec<PageShown>,
    hidden_records: usize,
    revisions: Vec<RevisionShown>,
    /// Of a closed month: what was corrected, or what this corrects.
    related: Vec<Related>,
}

/// A correction of the Purchase, or the Purchase it corrects.
struct Related {
    key: Key,
    reference: String,
    customer: String,
    booked_period: String,
    cost: Option<(Number, String)>,
}

/// How the customer was found.
struct CustomerMatch {
    name: String,
    words: String,
}

/// A page that proves the Purchase, and its records.
struct PageShown {
    digest: Digest,
    records: Vec<RecordShown>,
    source: Option<SourceShown>,
    other_sources: usize,
    /// Why its records cannot be shown.
    missing: &'static str,
}

struct RecordShown {
    ordinal: u32,
    shown: Shown,
}

struct SourceShown {
    run: String,
    plugin: String,
    plugin_title: String,
    request: String,
    context: String,
}

struct RevisionShown {
    number: u32,
    at: When,
    run: String,
    plugin: String,
    /// Name, before, after.
    changes: Vec<(String, String, String)>,
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    let purchase = found(&state, &key).await?;
    let books = Books::load(&state).await?;
    let book = Book::load(&state, purchase.account).await?;
    let customers = book.customers(&state).await?;
    let row = rows(&state, &books, &customers, std::slice::from_ref(&purchase), visitor.numbers).await?.pop();
    let revisions = state.store.revisions(purchase.key).await?;
    let (pages, hidden_records) = pages(&state, &book, &purchase).await?;
    page(&ExplainPage {
        shell: Shell::load(&state, &visitor, Area::Purchases).await?,
        row: row.ok_or_else(Problem::internal)?,
        pill: standing(purchase.state),
        locale: book.settings.host.locale.clone(),
        pricing: pricing(&purchase),
        customer: customer_match(&purchase, customers.get(&purchase.description.vendor_customer)),
        pages,
        hidden_records,
        revisions: history(&revisions, &book),
        related: related(&state, &purchase, visitor.numbers).await?,
        purchase,
    })
}

/// The corrections of a Purchase, oldest first; of a correction, the Purchase it is of and the other ones.
async fn related(
    state: &WebState,
    purchase: &Purchase,
    numbers: NumberStyle,
) -> Result<Vec<Related>, Problem> {
    let of = match purchase.reference.rsplit_once("#c") {
        Some((reference, _)) => {
            let key = Key::new(purchase.account, &purchase.feed, reference, &purchase.description);
            state.store.purchase(key).await?
        }
        None => Some(purchase.clone()),
    };
    let Some(of) = of else { return Ok(Vec::new()) };
    let mut family = Vec::new();
    for number in 1.. {
        match state.store.purchase(of.correction_key(number)).await? {
            Some(correction) => family.push(correction),
            None => break,
        }
    }
    family.insert(0, of);
    family.retain(|it| it.key != purchase.key);
    Ok(family.into_iter().map(|it| related_shown(it, numbers)).collect())
}

fn related_shown(purchase: Purchase, numbers: NumberStyle) -> Related {
    let currency = purchase.description.currency.clone().map(String::from).unwrap_or_default();
    Related {
        key: purchase.key,
        cost: purchase.cost.as_ref().map(|cost| (numbers.money(cost), currency)),
        reference: purchase.reference,
        customer: purchase.customer_code.unwrap_or_default(),
        booked_period: purchase.booked_period.to_string(),
    }
}

/// The bytes of a page that proves the Purchase, as they are kept.
pub(crate) async fn page_bytes(
    State(state): State<WebState>,
    _: Visitor,
    Path((key, digest)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let purchase = found(&state, &key).await?;
    let digest: Digest = digest.parse().map_err(|_| Problem::not_found("page"))?;
    if purchase.evidence.iter().all(|proof| proof.page != digest) {
        return Err(Problem::not_found("page"));
    }
    let bytes =
        state.store.page(purchase.account, digest).await?.ok_or_else(|| Problem::not_found("page"))?;
    let disposition = format!("attachment; filename=\"{digest}.page\"");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".into()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, bytes).into_response())
}

async fn found(state: &WebState, key: &str) -> Result<Purchase, Problem> {
    let key: Key = key.parse().map_err(|_| Problem::not_found("Purchase"))?;
    state.store.purchase(key).await?.ok_or_else(|| Problem::not_found("Purchase"))
}

/// The pages in the order of their first record, and how many records are not shown.
async fn pages(
    state: &WebState,
    book: &Book,
    purchase: &Purchase,
) -> Result<(Vec<PageShown>, usize), Problem> {
    let shown: Vec<Evidence> = purchase.evidence.iter().copied().take(RECORDS).collect();
    let mut by_page: Vec<(Digest, Vec<u32>)> = Vec::new();
    for proof in &shown {
        match by_page.iter_mut().find(|(page, _)| *page == proof.page) {
            Some((_, ordinals)) => ordinals.push(proof.ordinal),
            None => by_page.push((proof.page, vec![proof.ordinal])),
        }
    }
    let mut pages = Vec::new();
    for (digest, ordinals) in by_page {
        pages.push(page_shown(state, book, digest, &ordinals).await?);
    }
    Ok((pages, purchase.evidence.len().saturating_sub(shown.len())))
}

async fn page_shown(
    state: &WebState,
    book: &Book,
    digest: Digest,
    ordinals: &[u32],
) -> Result<PageShown, Problem> {
    let sources = state.store.page_sources(book.account.id, digest).await?;
    let bytes = state.store.page(book.account.id, digest).await?;
    let other_sources = sources.len().saturating_sub(1);
    let Some((bytes, source)) = bytes.zip(sources.into_iter().next()) else {
        let missing =
            "This page is no longer kept: its retention has ended, or it was erased. Its hash stays.";
        return Ok(PageShown { digest, records: Vec::new(), source: None, other_sources, missing });
    };
    let Ok(ranges) = state.acts.record_ranges(&source.context, &bytes) else {
        let missing = "This page cannot be cut into records. Download it to look at it.";
        return Ok(PageShown {
            digest,
            records: Vec::new(),
            source: Some(of(source, book)),
            other_sources,
            missing,
        });
    };
    let cut = |ordinal: &u32| {
        let range = ranges.get(usize::try_from(*ordinal).ok()?)?;
        Some(RecordShown { ordinal: *ordinal, shown: records::show(bytes.get(range.clone())?) })
    };
    let records = ordinals.iter().filter_map(cut).collect();
    Ok(PageShown { digest, records, source: Some(of(source, book)), other_sources, missing: "" })
}

fn of(source: PageSource, book: &Book) -> SourceShown {
    let active = book.connector.as_ref().filter(|connector| connector.digest == source.cast.mapping);
    SourceShown {
        run: source.run.to_string(),
        plugin: source.cast.mapping.to_string(),
        plugin_title: active.map(|c| format!("{} {}", c.id, c.version)).unwrap_or_default(),
        request: records::show(source.request.as_bytes()).text,
        context: records::show(source.context.as_bytes()).text,
    }
}

fn pricing(purchase: &Purchase) -> String {
    match &purchase.description.amount {
        Amount::Given => "The cost is the vendor's, taken as given.".to_owned(),
        Amount::Tiered { key, .. } if purchase.cost.is_none() => {
            format!(
                "There is no rate of {key} yet, so it has no cost; the first run that brings its rate prices it."
            )
        }
        Amount::Tiered { key, .. } => {
            format!("The host works the cost out from the graduated rates of {key} over the billing cycle.")
        }
        Amount::None => "There is a quantity and no amount of money.".to_owned(),
    }
}

fn customer_match(purchase: &Purchase, name: Option<&String>) -> CustomerMatch {
    let vendor = purchase.description.vendor_customer.as_str();
    let words = match (&purchase.customer_code, vendor) {
        (Some(code), _) => {
            format!("Stamped with our customer {code}, mapped from the vendor's customer {vendor}.")
        }
        (None, "") => "Neither the record nor its subscription names a customer.".to_owned(),
        (None, vendor) => format!("The vendor's customer {vendor}; no customer code is mapped to it."),
    };
    CustomerMatch { name: name.cloned().unwrap_or_default(), words }
}

/// Newest first, each with what it changed against the one before it.
fn history(revisions: &[Revision], book: &Book) -> Vec<RevisionShown> {
    let before = revisions.iter().skip(1).map(Some).chain(std::iter::once(None));
    let shown = |(revision, before): (&Revision, Option<&Revision>)| RevisionShown {
        number: revision.purchase.revision,
        at: When::new(revision.at, &book.zone),
        run: revision.run.to_string(),
        plugin: revision.plugin.to_string(),
        changes: before.map(|before| differences(&before.purchase, &revision.purchase)).unwrap_or_default(),
    };
    revisions.iter().zip(before).map(shown).collect()
}

fn differences(before: &Purchase, after: &Purchase) -> Vec<(String, String, String)> {
    let (mut before, after) = (facets(before), facets(after));
    let mut changes = Vec::new();
    for (name, now) in after {
        let then = before.remove(&name).unwrap_or_default();
        if then != now {
            changes.push((name, then, now));
        }
    }
    changes.extend(
        before
            .into_iter()
            .filter(|(_, then)| !then.is_empty())
            .map(|(name, then)| (name, then, String::new())),
    );
    changes
}

fn facets(purchase: &Purchase) -> BTreeMap<String, String> {
    let said = &purchase.description;
    let text = |value: Option<String>| value.unwrap_or_default();
    let state = serde_json::to_value(purchase.state).ok().and_then(|state| state.as_str().map(str::to_owned));
    let fixed = [
        ("quantity", purchase.quantity.canonical()),
        ("cost", text(purchase.cost.as_ref().map(|cost| cost.canonical()))),
        ("currency", text(said.currency.clone().map(String::from))),
        ("unit", said.unit.clone()),
        ("unit price", text(said.unit_price.as_ref().map(|price| price.canonical()))),
        ("exchange rate", text(said.exchange_rate.as_ref().map(|rate| rate.canonical()))),
        ("customer", text(purchase.customer_code.clone())),
        ("vendor customer", said.vendor_customer.clone()),
        ("product", said.product_key.clone()),
        ("vendor text", said.product_text.clone()),
        ("start", said.start.to_string()),
        ("end", said.end.to_string()),
        ("state", text(state)),
        ("booked period", purchase.booked_period.to_string()),
        ("records", purchase.evidence.len().to_string()),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value));
    let metadata = said.metadata.iter().map(|(name, value)| (format!("metadata: {name}"), value.clone()));
    fixed.chain(metadata).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn a_purchase_is_explained_down_to_the_record_as_received() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let key = site.key_of("VM").await;
        let text = site.get(&format!("/purchases/{key}")).await.text;
        // The number in the record keeps the vendor's own spelling.
        for part in
            ["&#34;cost&#34;: 1234.56789012345678901234567890", "/activity/1", "Virtuele machine", "nl-NL"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.contains("Bakery Jansen") && text.contains("Revision 1"));
    }

    #[tokio::test]
    async fn a_changed_purchase_shows_what_changed_by_which_run() {
        let mut site = Site::with_purchases().await;
        site.restate("VM", "1300").await;
        site.sign_in("vera").await;
        let key = site.key_of("VM").await;
        let text = site.get(&format!("/purchases/{key}")).await.text;
        assert!(text.contains("Revision 2") && text.contains("Revision 1"));
        assert!(
            text.contains("<del>1234.5678901234567890123456789</del>") && text.contains("<ins>1300</ins>"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_correction_and_the_purchase_it_corrects_lead_to_each_other() {
        let mut site = Site::with_purchases().await;
        let key = site.purchase("VM").await.key;
        let november = "2026-11".parse().unwrap();
        let today = jiff::civil::date(2026, 12, 1);
        let account = crate::testing::ACCOUNT;
        site.store.close_period(account, &november, today, "anna", site.clock.now()).await.unwrap();
        site.restate("VM", "1300").await;
        site.sign_in("vera").await;
        let text = site.get(&format!("/purchases/{key}")).await.text;
        assert!(
            text.contains("#c1") && text.contains("booked in 2026-12") && text.contains("65.432109"),
            "{text}"
        );
        let correction = site.store.purchase(key).await.unwrap().unwrap().correction_key(1);
        let text = site.get(&format!("/purchases/{correction}")).await.text;
        assert!(text.contains(&format!("/purchases/{key}")), "{text}");
    }

    #[tokio::test]
    async fn the_page_can_be_downloaded_verbatim_but_only_through_its_purchase() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let key = site.key_of("VM").await;
        let purchase = site.purchase("VM").await;
        let page = purchase.evidence[0].page;
        let file = site.get(&format!("/purchases/{key}/pages/{page}")).await;
        assert_eq!(file.text.as_bytes(), site.page_bytes());
        assert!(file.header("content-disposition").starts_with("attachment"));
        // A page of the same account and run that is stored, but proves nothing of this Purchase.
        let other = purser_domain::Digest::of(b"names -960");
        assert!(site.store.page(crate::testing::ACCOUNT, other).await.unwrap().is_some());
        assert_eq!(site.get(&format!("/purchases/{key}/pages/{other}")).await.status, 404);
    }

    #[tokio::test]
    async fn an_unknown_purchase_is_a_page_that_says_so() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        for path in ["/purchases/nothing".to_owned(), format!("/purchases/{}", "00".repeat(32))] {
            let answer = site.get(&path).await;
            assert_eq!(answer.status, 404);
            assert!(answer.text.contains("There is no such Purchase"));
        }
    }
}
