//! From a row to a Purchase.

use std::borrow::Cow;
use std::collections::BTreeMap;

use purser_plugin_sdk::date;
use purser_plugin_sdk::mapping::{Amount, Mapped, PageContext, Purchase};
use purser_plugin_sdk::number;
use purser_plugin_sdk::page::{self, Row};
use purser_plugin_sdk::types::{Fact, Problem};

use crate::columns::{Column, Header, first};
use crate::instant;
use crate::reference::Key;
use crate::settings::{Period, Settings, ZeroRows};
use crate::sources::{self, CURRENCY_COLUMNS, cost_columns};

/// The rule of rows that cost nothing, where they are not wanted.
pub const ZERO: &str = "costs-nothing";
/// Tags that have a column each begin so.
const TAG_COLUMNS: [&str; 2] = ["resourceTags/", "resource_tags_"];

/// Columns of any preset that are kept with each Purchase, by the name they are kept under.
const KEPT: [(&str, &[&str]); 13] = [
    ("billing-account", &["BillingAccountId", "bill/PayerAccountId", "billing_account_id"]),
    ("charge-class", &["ChargeClass"]),
    ("commitment", &["CommitmentDiscountId", "savingsPlan/SavingsPlanARN", "reservation/ReservationARN"]),
    ("commitment-status", &["CommitmentDiscountStatus"]),
    ("credit", &["credit.type"]),
    ("issuer", &["InvoiceIssuerName", "lineItem/LegalEntity", "seller_name"]),
    ("operation", &["lineItem/Operation"]),
    ("pricing", &["PricingCategory", "pricing/term"]),
    ("resource-name", &["ResourceName", "resource.name"]),
    ("resource-type", &["ResourceType"]),
    ("sku-price", &["SkuPriceId", "pricing/RateId"]),
    ("tax", &["lineItem/TaxType"]),
    ("usage-type", &["lineItem/UsageType"]),
];

/// Maps a page.
pub fn map(context: &PageContext, page: &[u8]) -> Result<Mapped, Problem> {
    let settings = Settings::read(&context.run.settings)?;
    let (titles, rows) = page::rows(page)?;
    let file = File::new(context, &titles, &settings).map_err(|reason| {
        Problem::Reject(format!("FCS-200 {reason} · correct the settings, or the export"))
    })?;
    let (mut mapped, mut names) = (Mapped::default(), BTreeMap::new());
    for (ordinal, row) in (0..).zip(&rows) {
        match row.as_ref().map_err(Clone::clone).and_then(|row| file.line(row)) {
            Ok(line) if line.is_free && settings.zero_rows == ZeroRows::Ignore => {
                mapped.ignore(ZERO, ordinal)
            }
            Ok(line) => {
                mapped.purchase(&line.purchase, &[ordinal]);
                if !line.customer_name.is_empty() {
                    names.insert(line.purchase.vendor_customer, line.customer_name);
                }
            }
            Err(reason) => mapped.reject(ordinal, reason),
        }
    }
    for (customer, name) in names {
        let value = serde_json::json!({ "name": name, "domain": "" }).to_string();
        mapped.fact(Fact { kind: "customer".into(), key: customer.into_owned(), value });
    }
    Ok(mapped)
}

/// One file's columns, and what its rows have in common.
struct File<'f> {
    month: &'f str,
    settings: &'f Settings,
    header: Header,
    cost: Vec<usize>,
    currency: Vec<usize>,
    key: Key,
    kept: Vec<Kept>,
}

/// The name a value is kept under, and the columns it may stand in.
type Kept = (Cow<'static, str>, Vec<usize>);

/// A row.
struct Line<'r> {
    purchase: Purchase<'r>,
    customer_name: &'r str,
    /// It costs nothing.
    is_free: bool,
}

impl<'f> File<'f> {
    fn new(context: &'f PageContext, titles: &Row, settings: &'f Settings) -> Result<Self, String> {
        let source = sources::source(&context.run.cloud);
        let source = source.ok_or_else(|| format!("there is no source {:?}", context.run.cloud))?;
        if titles.len() == 1 && titles.iter().any(|title| title.contains([';', '\t'])) {
            return Err("the values are not separated by commas".to_owned());
        }
        let header = Header::new(titles, source.preset, &settings.overrides)?;
        let places =
            |names: &[&str]| names.iter().filter_map(|name| header.exact_place(name)).collect::<Vec<_>>();
        let (cost, currency) = (places(cost_columns(&context.feed)), places(&CURRENCY_COLUMNS));
        let missing = |what: &str, names: &[&str]| {
            format!("the file has no column for the {what}: {}", names.join(", "))
        };
        if cost.is_empty() {
            return Err(missing("cost", cost_columns(&context.feed)));
        }
        if currency.is_empty() {
            return Err(missing("currency", &CURRENCY_COLUMNS));
        }
        let kept = kept(&header, settings)?;
        let key = Key::new(&header, source.preset, settings)?;
        Ok(Self { month: &context.month, settings, header, cost, currency, key, kept })
    }

    fn line<'r>(&'r self, row: &'r Row) -> Result<Line<'r>, String> {
        let value = |column| self.header.value(column, row);
        self.refuse_other_month(value(Column::BillingPeriod))?;
        let cost = decimal("cost", as_counted(&self.cost, row).trim())?;
        let currency = currency(as_counted(&self.currency, row))?;
        let (start, end) = self.charge_period(row)?;
        let (quantity, unit) = self.quantity(row)?;
        let (customer, product) = (value(Column::Customer), value(Column::Product));
        let own = [customer, product, &start, &end, unit, currency];
        let reference = self.key.of(row, &own).into();
        let (start, end) = self.booked(start, end)?;
        let unit_price = value(Column::UnitPrice);
        let unit_price = if number::is_decimal(unit_price) { unit_price } else { "" };
        let purchase = Purchase {
            reference,
            vendor_customer: customer.into(),
            product_key: product.into(),
            product_text: value(Column::ProductText).into(),
            category: value(Column::Service).into(),
            quantity: quantity.into(),
            unit: unit.into(),
            unit_price: unit_price.into(),
            unit_price_currency: if unit_price.is_empty() { "" } else { currency }.into(),
            cost: cost.into(),
            currency: currency.into(),
            start: start.into(),
            end: end.into(),
            amount: Amount::Given,
            metadata: self.metadata(row),
            ..Purchase::default()
        };
        let is_free = number::canonical(cost).is_some_and(|cost| cost == "0");
        Ok(Line { purchase, customer_name: self.customer_name(row), is_free })
    }

    /// A file that a server gives for every month must not be billed with each of them.
    fn refuse_other_month(&self, billed: &str) -> Result<(), String> {
        if billed.is_empty() {
            return Ok(());
        }
        let month =
            instant::month(billed).ok_or_else(|| format!("the billing month {} is none", shown(billed)))?;
        if month == self.month {
            Ok(())
        } else {
            Err(format!("it is billed in {month}, not in {}", self.month))
        }
    }

    fn charge_period(&self, row: &Row) -> Result<(String, String), String> {
        let start = instant::parse(self.header.value(Column::Start, row))?.at();
        let start = start.ok_or_else(|| "the start is missing".to_owned())?;
        let end = match instant::parse(self.header.value(Column::End, row))?.at() {
            Some(end) if end < start => return Err("the end lies before the start".to_owned()),
            Some(end) => end,
            // A row of a day says no more than the day.
            None => date::utc_day(start)?.1,
        };
        Ok((date::rfc3339(start), date::rfc3339(end)))
    }

    fn booked(&self, start: String, end: String) -> Result<(String, String), String> {
        match self.settings.period {
            Period::Charge => Ok((start, end)),
            Period::Billing => {
                let first = date::civil(&format!("{}-01", self.month))?;
                let last = date::name(first.last_of_month());
                Ok((date::rfc3339(date::day(&date::name(first))?.0), date::rfc3339(date::day(&last)?.1)))
            }
        }
    }

    /// A charge without a quantity, such as a tax, is one charge.
    fn quantity<'r>(&self, row: &'r Row) -> Result<(&'r str, &'r str), String> {
        match self.header.pair((Column::Quantity, Column::Unit), row) {
            ("", _) => Ok(("1", "")),
            (quantity, unit) => Ok((decimal("quantity", quantity)?, unit)),
        }
    }

    /// A customer by a column of one's own has the name of a column of one's own, or none.
    fn customer_name<'r>(&self, row: &'r Row) -> &'r str {
        let own = |column| self.settings.column(column).is_some();
        if own(Column::Customer) && !own(Column::CustomerName) {
            return "";
        }
        self.header.pair((Column::Customer, Column::CustomerName), row).1
    }

    fn metadata<'r>(&'r self, row: &'r Row) -> Vec<(&'r str, Cow<'r, str>)> {
        let of = |(name, column): (&'r str, Column)| (name, Cow::from(self.header.value(column, row)));
        let own = [
            ("charge", Column::Charge),
            ("region", Column::Region),
            ("resource", Column::Resource),
            ("tags", Column::Tags),
        ];
        let kept =
            self.kept.iter().map(|(name, places)| (&**name, Cow::from(first(places.iter().copied(), row))));
        own.into_iter().map(of).chain(kept).collect()
    }
}

/// Columns kept beside those with a meaning: the known ones, tags with a column each, and what the settings add.
fn kept(header: &Header, settings: &Settings) -> Result<Vec<Kept>, String> {
    let known = KEPT.iter().map(|(name, columns)| {
        (Cow::from(*name), columns.iter().filter_map(|column| header.place(column)).collect::<Vec<_>>())
    });
    let mut kept: BTreeMap<Cow<'static, str>, Vec<usize>> =
        known.filter(|(_, places)| !places.is_empty()).collect();
    for start in TAG_COLUMNS {
        for (place, name) in header.beginning(start) {
            kept.insert(format!("tag:{name}").into(), vec![place]);
        }
    }
    for name in &settings.metadata_columns {
        let place = header.place(name);
        let place = place
            .ok_or_else(|| format!("the file has no column {name:?}, which the settings name to be kept"))?;
        kept.insert(format!("column:{name}").into(), vec![place]);
    }
    Ok(kept.into_iter().collect())
}

/// The cell the host counts by: the first that is not empty, blanks being something.
fn as_counted<'r>(places: &[usize], row: &'r Row) -> &'r str {
    let mut cells = places.iter().filter_map(|place| row.get(*place));
    cells.find(|cell| !cell.is_empty()).unwrap_or_default()
}

fn decimal<'t>(what: &str, text: &'t str) -> Result<&'t str, String> {
    match text {
        "" => Err(format!("the {what} is missing")),
        text if number::is_decimal(text) => Ok(text),
        text => Err(format!("the {what} {} is no number", shown(text))),
    }
}

fn currency(text: &str) -> Result<&str, String> {
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code { Ok(text) } else { Err(format!("the currency {} is no code of three letters", shown(text))) }
}

/// A value in a reason, shortened.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}
