//! One page through the sandbox: from records to contributions, with the host's own count beside the plugin's.
//!
//! **Invariant:** a record the guest traps on is set aside by name and the others are mapped, up to a number of such
//! records; a page the host was too busy for is never taken for a bad one.

use std::collections::BTreeMap;
use std::ops::Range;

use purser_domain::purchase::Evidence;
use purser_domain::reconciliation::InvoiceLine;
use purser_domain::{Balance, Cast, Contribution, Decimal, Digest, Tally};
use purser_runtime::contract::localisation::{ProductText, Products};
use purser_runtime::contract::manifest::{Feed, FeedKind};
use purser_runtime::contract::mapping::PageContext;
use purser_runtime::{CallError, Counted, Covered, Mapped, MappedPurchase, Plugin, Records};
use purser_store::runs::{Fact, Page, Rejection};

use crate::framing::{self, Cut, FramingError};
use crate::measure::{Measure, Measurer};

/// Why a page could not be mapped at all.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The bytes are no page of the feed.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// The sandbox gave no result.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The context could not be written down.
    #[error("the page's context cannot be stored")]
    Context(#[from] serde_json::Error),
}

/// Whose customer a subscription is, for records that do not say.
pub type CustomerOf<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// Maps one page by who plays the role its feed asks for.
///
/// # Errors
/// Where the page as a whole cannot be mapped; single records that cannot are in the page's rejections.
pub fn map_page(
    cast: &Cast<Plugin>,
    feed: &Feed,
    context: &PageContext,
    cut: &Cut,
    customer_of: CustomerOf<'_>,
) -> Result<Page, PageError> {
    let ranges = framing::records(&context.framing, &cut.bytes)?;
    let measures = Measurer::new(feed).page(&context.framing, &cut.bytes, &ranges);
    let mut page = Page {
        number: context.page,
        bytes: cut.bytes.clone(),
        digest: Digest::of(&cut.bytes),
        context: serde_json::to_string(context)?,
        contributions: Vec::new(),
        texts: Vec::new(),
        facts: Vec::new(),
        lines: Vec::new(),
        balance: Balance::default(),
        rejections: Vec::new(),
    };
    measures.iter().for_each(|measure| measure.count_in(&mut page.balance.received));
    match feed.kind {
        FeedKind::Texts => {
            let products = |plugin: &Plugin| plugin.products(context, &cut.bytes, count_of(&ranges));
            take_texts(&mut page, with_patience(&cast.localisation, products)?)
        }
        FeedKind::Purchases | FeedKind::Facts => {
            let mapped = map_records(&cast.mapping, context, &cut.bytes, &ranges)?;
            take_mapped(&mut page, mapped, &measures, feed, customer_of);
        }
    }
    let mapped_by = if feed.kind == FeedKind::Texts { &cast.localisation } else { &cast.mapping };
    mapped_by.mapped(fates(&page.balance));
    Ok(page)
}

/// With which the reason of a record begins on which the guest trapped: the code of a trap.
pub(crate) const TRAPPED: &str = "PLG-201";

fn fates(balance: &Balance) -> Records {
    let all = |groups: &BTreeMap<String, Tally>| groups.values().map(|tally| tally.records).sum();
    Records {
        received: balance.received.records,
        mapped: balance.purchased.records,
        ignored: all(&balance.ignored),
        rejected: all(&balance.rejected),
    }
}

fn count_of(records: &[Range<usize>]) -> u32 {
    u32::try_from(records.len()).unwrap_or(u32::MAX)
}

/// Maps records; halves the page until the record that makes the guest trap stands alone, and sets that one aside.
pub(crate) fn map_records(
    plugin: &Plugin,
    context: &PageContext,
    page: &[u8],
    records: &[Range<usize>],
) -> Result<Mapped, CallError> {
    Bisection { plugin, context, crashes: 0 }.map(page, records)
}

/// The search for the records of a page that the guest crashes on.
struct Bisection<'a> {
    plugin: &'a Plugin,
    context: &'a PageContext,
    crashes: u32,
}

impl Bisection<'_> {
    fn map(&mut self, page: &[u8], records: &[Range<usize>]) -> Result<Mapped, CallError> {
        match with_patience(self.plugin, |plugin| plugin.map(self.context, page, count_of(records))) {
            Err(error) if error.is_deterministic_trap() && records.len() > 1 => self.halves(page, records),
            Err(error) if error.is_deterministic_trap() && records.len() == 1 => self.set_aside(),
            result => result,
        }
    }

    fn halves(&mut self, page: &[u8], records: &[Range<usize>]) -> Result<Mapped, CallError> {
        let (first, second) = records.split_at(records.len() / 2);
        let mut mapped = self.part(page, first)?;
        let rest = self.part(page, second)?;
        join(&mut mapped, rest, count_of(first));
        Ok(mapped)
    }

    fn part(&mut self, page: &[u8], part: &[Range<usize>]) -> Result<Mapped, CallError> {
        let framing = &self.context.framing;
        let bytes = framing::page_of(framing, page, part);
        let ranges = framing::records(framing, &bytes).unwrap_or_default();
        self.map(&bytes, &ranges)
    }

    /// Sets one record aside. Where there are too many of them the plugin is at fault, not the data: the page fails.
    fn set_aside(&mut self) -> Result<Mapped, CallError> {
        self.crashes += 1;
        let limit = self.plugin.limits().crashes;
        if self.crashes > limit {
            let (given, limit) = (self.crashes.into(), limit.into());
            return Err(CallError::TooMany { what: Counted::Crashes, given, limit });
        }
        let reason = format!("{TRAPPED}: the plugin trapped on this record");
        Ok(Mapped { rejected: vec![(0, reason)], ..Mapped::default() })
    }
}

/// A deadline or memory stop may be the host's own doing: once more, with room.
pub(crate) fn with_patience<T>(
    plugin: &Plugin,
    call: impl Fn(&Plugin) -> Result<T, CallError>,
) -> Result<T, CallError> {
    match call(plugin) {
        Err(CallError::Deadline { .. } | CallError::Memory { .. }) => call(&plugin.with_room(ROOM)),
        result => result,
    }
}

/// How much more of each limit the second try has.
const ROOM: u32 = 4;

/// Appends a later part of the page, its ordinals moved.
pub(crate) fn join(mapped: &mut Mapped, rest: Mapped, offset: u32) {
    let moved = |ordinals: Vec<u32>| ordinals.into_iter().map(|ordinal| ordinal + offset).collect::<Vec<_>>();
    mapped
        .purchases
        .extend(rest.purchases.into_iter().map(|p| MappedPurchase { records: moved(p.records), ..p }));
    mapped.covered.extend(rest.covered.into_iter().map(|covered| Covered {
        line: MappedPurchase { records: moved(covered.line.records), ..covered.line },
        ..covered
    }));
    mapped.ignored.extend(rest.ignored.into_iter().map(|(rule, ordinals)| (rule, moved(ordinals))));
    mapped.rejected.extend(rest.rejected.into_iter().map(|(ordinal, reason)| (ordinal + offset, reason)));
    mapped.facts.extend(rest.facts);
}

fn take_mapped(
    page: &mut Page,
    mapped: Mapped,
    measures: &[Measure],
    feed: &Feed,
    customer_of: CustomerOf<'_>,
) {
    weigh(&mapped, measures, feed, &mut page.balance);
    for purchase in mapped.purchases {
        page.contributions.push(contribution(purchase, page.digest, customer_of));
    }
    page.lines.extend(mapped.covered.into_iter().filter_map(invoice_line));
    let rejected = mapped.rejected.into_iter();
    page.rejections.extend(rejected.map(|(ordinal, reason)| Rejection { ordinal, reason }));
    page.facts = mapped
        .facts
        .into_iter()
        .map(|fact| Fact { kind: fact.kind, key: fact.key, value: fact.value })
        .collect();
}

/// What became of a page's records, counted in the balance.
pub(crate) fn weigh(mapped: &Mapped, measures: &[Measure], feed: &Feed, balance: &mut Balance) {
    let measure = |ordinal: &u32| measures.get(*ordinal as usize).cloned().unwrap_or_default();
    for purchase in &mapped.purchases {
        purchased_measure(feed, purchase).add_to(&mut balance.purchased);
        balance.purchased.records += purchase.records.len() as u64;
    }
    for covered in &mapped.covered {
        count(&mut balance.ignored, covered.rule.clone(), covered.line.records.iter().map(measure));
    }
    for (rule, ordinals) in &mapped.ignored {
        count(&mut balance.ignored, rule.clone(), ordinals.iter().map(measure));
    }
    for (ordinal, reason) in &mapped.rejected {
        count(&mut balance.rejected, reason.clone(), [measure(ordinal)]);
    }
}

/// What a Purchase weighs on its side of the balance: the same rule as for records.
fn purchased_measure(feed: &Feed, purchase: &MappedPurchase) -> Measure {
    let currency = purchase.description.currency.as_ref().map_or("", |currency| currency.as_str());
    let unit = if feed.unit.is_empty() { "" } else { purchase.description.unit.as_str() };
    let cost = purchase.cost.clone().filter(|_| !feed.amount.is_empty());
    let quantity = Some(purchase.quantity.clone()).filter(|_| !feed.quantity.is_empty());
    Measure::new(cost.map(|cost| (currency, cost)), quantity.map(|quantity| (unit, quantity)))
}

pub(crate) fn contribution(
    purchase: MappedPurchase,
    page: Digest,
    customer_of: CustomerOf<'_>,
) -> Contribution {
    let mut description = purchase.description;
    if description.vendor_customer.is_empty() {
        description.vendor_customer = customer_of(&description.vendor_subscription).unwrap_or_default();
    }
    Contribution {
        reference: description.reference(&purchase.natural_reference),
        quantity: purchase.quantity,
        cost: purchase.cost,
        evidence: purchase.records.into_iter().map(|ordinal| Evidence { page, ordinal }).collect(),
        description,
    }
}

/// A covered line as the ledger keeps it; the contract gives it a cost and a currency.
fn invoice_line(covered: Covered) -> Option<InvoiceLine> {
    let Covered { rule, billed_by, line } = covered;
    let said = line.description;
    Some(InvoiceLine {
        rule,
        billed_by,
        vendor_customer: said.vendor_customer,
        vendor_subscription: said.vendor_subscription,
        product_key: said.product_key,
        product_text: said.product_text,
        quantity: line.quantity,
        unit: said.unit,
        cost: line.cost?,
        currency: said.currency?,
        start: said.start,
        end: said.end,
    })
}

fn count(groups: &mut BTreeMap<String, Tally>, name: String, measures: impl IntoIterator<Item = Measure>) {
    let tally = groups.entry(name).or_default();
    measures.into_iter().for_each(|measure| measure.count_in(tally));
}

fn take_texts(page: &mut Page, products: Products) {
    page.facts = products
        .facts
        .into_iter()
        .map(|fact| Fact { kind: fact.kind, key: fact.key, value: fact.value })
        .collect();
    for text in products.texts {
        let ordinal = text.record_ordinal;
        match stored_text(text, &products.requested, &products.answered) {
            Some(text) => page.texts.push(text),
            None => {
                page.rejections.push(Rejection { ordinal, reason: "the plugin gave a malformed rate".into() })
            }
        }
    }
    let rejected =
        products.rejected.into_iter().map(|r| Rejection { ordinal: r.record_ordinal, reason: r.reason });
    page.rejections.extend(rejected);
    for rejection in &page.rejections {
        count(&mut page.balance.rejected, rejection.reason.clone(), [Measure::default()]);
    }
    let rejected = page.rejections.len() as u64;
    page.balance.purchased.records = page.balance.received.records.saturating_sub(rejected);
}

pub(crate) fn stored_text(
    text: ProductText,
    requested: &str,
    answered: &str,
) -> Option<purser_store::texts::ProductText> {
    let rate = |(from, rate): (String, String)| Some((from.parse().ok()?, rate.parse().ok()?));
    let included: Option<Decimal> = match text.included_quantity.as_str() {
        "" => None,
        quantity => Some(quantity.parse().ok()?),
    };
    Some(purser_store::texts::ProductText {
        key: text.key.to_lowercase(),
        locale: answered.to_owned(),
        requested: requested.to_owned(),
        name: text.name,
        category: text.category,
        subcategory: text.subcategory,
        unit: text.unit,
        region: text.region,
        currency: text.currency,
        rates: text.rates.into_iter().map(rate).collect::<Option<_>>()?,
        included_quantity: included,
    })
}
