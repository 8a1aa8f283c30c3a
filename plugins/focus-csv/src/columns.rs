//! What the columns of a file are for, by preset, and where they stand in a file's header.
//!
//! Exports spell one column in many ways (`lineItem/UsageAmount`, `line_item_usage_amount`), so names are compared by their
//! letters and digits alone, without case. Only cost and currency are not: of those the host reads the very same names.

use std::collections::BTreeMap;

use purser_plugin_sdk::page::Row;
use serde::Deserialize;

use crate::sources::Preset;

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Whose charge it is.
    Customer,
    /// What that one is called.
    CustomerName,
    /// The product, by an id.
    Product,
    /// The product, in words.
    ProductText,
    /// The service it belongs to.
    Service,
    /// What kind of charge: usage, tax, credit.
    Charge,
    /// How much.
    Quantity,
    /// Of what.
    Unit,
    /// What one costs.
    UnitPrice,
    /// When it begins.
    Start,
    /// When it ends.
    End,
    /// The month it is billed in.
    BillingPeriod,
    /// Where it was used.
    Region,
    /// The resource.
    Resource,
    /// Tags or labels.
    Tags,
}

impl Column {
    /// All that a setting may replace.
    pub const ALL: [Self; 15] = [
        Self::Customer,
        Self::CustomerName,
        Self::Product,
        Self::ProductText,
        Self::Service,
        Self::Charge,
        Self::Quantity,
        Self::Unit,
        Self::UnitPrice,
        Self::Start,
        Self::End,
        Self::BillingPeriod,
        Self::Region,
        Self::Resource,
        Self::Tags,
    ];

    /// The setting that replaces it, and what people call the column.
    #[must_use]
    pub fn setting(self) -> (&'static str, &'static str) {
        match self {
            Self::Customer => ("column_customer", "customer"),
            Self::CustomerName => ("column_customer_name", "customer's name"),
            Self::Product => ("column_product", "product key"),
            Self::ProductText => ("column_product_text", "product in words"),
            Self::Service => ("column_service", "service"),
            Self::Charge => ("column_charge", "kind of charge"),
            Self::Quantity => ("column_quantity", "quantity"),
            Self::Unit => ("column_unit", "unit"),
            Self::UnitPrice => ("column_unit_price", "unit price"),
            Self::Start => ("column_start", "start"),
            Self::End => ("column_end", "end"),
            Self::BillingPeriod => ("column_billing_period", "billing month"),
            Self::Region => ("column_region", "region"),
            Self::Resource => ("column_resource", "resource"),
            Self::Tags => ("column_tags", "tags"),
        }
    }

    /// Names in a preset's files, in the order they are tried: the first with something in it counts.
    fn names(self, preset: Preset) -> &'static [&'static str] {
        match preset {
            Preset::Focus => self.in_focus(),
            Preset::AwsCur => self.in_aws_cur(),
            Preset::GoogleBillingExport => self.in_google_export(),
            Preset::Plain => self.in_plain_files(),
        }
    }

    fn in_focus(self) -> &'static [&'static str] {
        match self {
            Self::Customer => &["SubAccountId", "BillingAccountId"],
            Self::CustomerName => &["SubAccountName", "BillingAccountName"],
            Self::Product => &["SkuId", "SkuPriceId", "ServiceName", "ChargeCategory"],
            Self::ProductText => &["ChargeDescription", "ServiceName"],
            Self::Service => &["ServiceName"],
            Self::Charge => &["ChargeCategory"],
            Self::Quantity => &["PricingQuantity", "ConsumedQuantity"],
            Self::Unit => &["PricingUnit", "ConsumedUnit"],
            Self::UnitPrice => &["ContractedUnitPrice", "ListUnitPrice"],
            Self::Start => &["ChargePeriodStart"],
            Self::End => &["ChargePeriodEnd"],
            Self::BillingPeriod => &["BillingPeriodStart"],
            Self::Region => &["RegionId", "RegionName"],
            Self::Resource => &["ResourceId"],
            Self::Tags => &["Tags"],
        }
    }

    fn in_aws_cur(self) -> &'static [&'static str] {
        match self {
            Self::Customer => &["lineItem/UsageAccountId", "bill/PayerAccountId"],
            Self::CustomerName => &["lineItem/UsageAccountName", "bill/PayerAccountName"],
            Self::Product => {
                &["product/sku", "lineItem/UsageType", "lineItem/ProductCode", "lineItem/LineItemType"]
            }
            Self::ProductText => &["lineItem/LineItemDescription", "lineItem/ProductCode"],
            Self::Service => &["product/ProductName", "lineItem/ProductCode"],
            Self::Charge => &["lineItem/LineItemType"],
            Self::Quantity => &["lineItem/UsageAmount"],
            Self::Unit => &["pricing/unit"],
            Self::UnitPrice => &["lineItem/UnblendedRate"],
            Self::Start => &["lineItem/UsageStartDate"],
            Self::End => &["lineItem/UsageEndDate"],
            Self::BillingPeriod => &["bill/BillingPeriodStartDate"],
            Self::Region => &["product/regionCode", "product/region"],
            Self::Resource => &["lineItem/ResourceId"],
            Self::Tags => &["resource_tags"],
        }
    }

    fn in_google_export(self) -> &'static [&'static str] {
        match self {
            Self::Customer => &["project.id", "billing_account_id"],
            Self::CustomerName => &["project.name"],
            Self::Product => &["sku.id", "service.id", "cost_type"],
            Self::ProductText => &["credit.name", "sku.description", "service.description"],
            Self::Service => &["service.description"],
            Self::Charge => &["cost_type"],
            Self::Quantity => &["usage.amount_in_pricing_units", "usage.amount"],
            Self::Unit => &["usage.pricing_unit", "usage.unit"],
            Self::UnitPrice => &["price.effective_price"],
            Self::Start => &["usage_start_time"],
            Self::End => &["usage_end_time"],
            Self::BillingPeriod => &["invoice.month"],
            Self::Region => &["location.region", "location.location"],
            Self::Resource => &["resource.global_name", "resource.name"],
            Self::Tags => &["labels"],
        }
    }

    fn in_plain_files(self) -> &'static [&'static str] {
        match self {
            Self::Customer => {
                &["customer", "customer_id", "account", "account_id", "subscription", "project"]
            }
            Self::CustomerName => &["customer_name", "account_name", "project_name"],
            Self::Product => &["product", "product_id", "product_key", "sku", "meter", "item"],
            Self::ProductText => &["description", "product_name", "name"],
            Self::Service => &["service", "category"],
            Self::Charge => &["charge_type", "type"],
            Self::Quantity => &["quantity", "usage"],
            Self::Unit => &["unit", "unit_of_measure", "units"],
            Self::UnitPrice => &["unit_price", "price", "rate"],
            Self::Start => &["start", "start_date", "usage_start", "date", "day"],
            Self::End => &["end", "end_date", "usage_end"],
            Self::BillingPeriod => &["billing_month", "billing_period", "month"],
            Self::Region => &["region", "location"],
            Self::Resource => &["resource", "resource_id"],
            Self::Tags => &["tags", "labels"],
        }
    }
}

/// Columns in place of the preset's, as the settings hold them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Overrides(BTreeMap<String, serde_json::Value>);

impl Overrides {
    /// The name that stands for a column; none: the preset's.
    #[must_use]
    pub fn of(&self, column: Column) -> Option<&str> {
        let (setting, _) = column.setting();
        self.0.get(setting)?.as_str().map(str::trim).filter(|name| !name.is_empty())
    }
}

/// Where the columns of one file stand.
pub struct Header {
    /// In the order of the names; a name the file does not have keeps its place.
    places: BTreeMap<Column, Vec<Option<usize>>>,
    titles: Vec<(String, String)>,
}

impl Header {
    /// Finds them.
    ///
    /// # Errors
    /// Where the file lacks a column that a setting names: its meaning would silently be another.
    pub fn new(titles: &Row, preset: Preset, overrides: &Overrides) -> Result<Self, String> {
        let titles: Vec<_> = titles.iter().map(|title| (plain(title), title.trim().to_owned())).collect();
        let mut header = Self { places: BTreeMap::new(), titles };
        for column in Column::ALL {
            let places = match overrides.of(column) {
                Some(name) => vec![Some(header.place(name).ok_or_else(|| {
                    format!(
                        "the file has no column {name:?}, which the settings name for the {}",
                        column.setting().1
                    )
                })?)],
                None => column.names(preset).iter().map(|name| header.place(name)).collect(),
            };
            header.places.insert(column, places);
        }
        Ok(header)
    }

    /// Where a column of this name stands.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        let name = plain(name);
        self.titles.iter().position(|(title, _)| *title == name)
    }

    /// Where the first column of exactly this name stands, without case: as the host looks.
    #[must_use]
    pub fn exact_place(&self, name: &str) -> Option<usize> {
        self.titles.iter().position(|(_, title)| title.eq_ignore_ascii_case(name))
    }

    /// Places and names of the columns whose name begins so.
    pub fn beginning<'h>(&'h self, start: &'h str) -> impl Iterator<Item = (usize, &'h str)> {
        let rest = move |title: &'h str| {
            title.get(..start.len()).filter(|begin| begin.eq_ignore_ascii_case(start))?;
            title.get(start.len()..).filter(|rest| !rest.is_empty())
        };
        self.titles.iter().enumerate().filter_map(move |(place, (_, title))| Some((place, rest(title)?)))
    }

    /// What a row says in a column; empty: nothing.
    #[must_use]
    pub fn value<'r>(&self, column: Column, row: &'r Row) -> &'r str {
        first(self.places_of(column).iter().copied().flatten(), row)
    }

    /// The same of two columns that belong together. Where a preset knows as many names for both, the second is that of
    /// the very pair whose first has something in it: hours are not the unit of what is counted in months.
    #[must_use]
    pub fn pair<'r>(&self, (one, other): (Column, Column), row: &'r Row) -> (&'r str, &'r str) {
        let cell = |place: &Option<usize>| first(*place, row);
        let (ones, others) = (self.places_of(one), self.places_of(other));
        if ones.len() != others.len() {
            return (self.value(one, row), self.value(other, row));
        }
        let mut pairs = ones.iter().zip(others).map(|(one, other)| (cell(one), cell(other)));
        pairs.find(|(one, _)| !one.is_empty()).unwrap_or_default()
    }

    fn places_of(&self, column: Column) -> &[Option<usize>] {
        self.places.get(&column).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The first cell with something in it.
pub fn first(places: impl IntoIterator<Item = usize>, row: &Row) -> &str {
    let mut cells = places.into_iter().filter_map(|place| row.get(place)).map(str::trim);
    cells.find(|cell| !cell.is_empty()).unwrap_or_default()
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(json: &str) -> Overrides {
        serde_json::from_str(json).unwrap()
    }

    fn row(cells: &[&str]) -> Row {
        Row::from(cells.to_vec())
    }

    #[test]
    fn a_column_is_found_however_an_export_spells_it() {
        for title in ["lineItem/UsageAccountId", "line_item_usage_account_id", "LINE_ITEM_USAGE_ACCOUNT_ID "]
        {
            let header = Header::new(&row(&["x", title]), Preset::AwsCur, &Overrides::default()).unwrap();
            assert_eq!(header.value(Column::Customer, &row(&["", " 42 "])), "42", "{title}");
        }
    }

    #[test]
    fn a_setting_takes_the_place_of_the_presets_names_and_must_be_there() {
        let titles = row(&["SubAccountId", "Team"]);
        let own = overrides(r#"{"column_customer":"team","files":["x"]}"#);
        let header = Header::new(&titles, Preset::Focus, &own).unwrap();
        assert_eq!(header.value(Column::Customer, &row(&["s-1", "blue"])), "blue");
        assert_eq!(header.value(Column::Customer, &row(&["s-1", ""])), "", "and nothing else");
        let own = overrides(r#"{"column_customer":"owner"}"#);
        let Err(reason) = Header::new(&titles, Preset::Focus, &own) else { panic!("taken") };
        assert!(reason.contains("\"owner\"") && reason.contains("customer"), "{reason}");
    }

    #[test]
    fn a_quantity_has_its_own_unit() {
        let titles = row(&["PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit"]);
        let header = Header::new(&titles, Preset::Focus, &Overrides::default()).unwrap();
        let pair = |cells: &[&str]| {
            let row = row(cells);
            let (quantity, unit) = header.pair((Column::Quantity, Column::Unit), &row);
            (quantity.to_owned(), unit.to_owned())
        };
        assert_eq!(pair(&["1", "month", "744", "hours"]), ("1".into(), "month".into()));
        assert_eq!(pair(&["", "month", "744", "hours"]), ("744".into(), "hours".into()));
        assert_eq!(pair(&["", "", "", ""]), (String::new(), String::new()));
    }

    #[test]
    fn tags_in_columns_of_their_own_are_found_by_how_they_begin() {
        let header =
            Header::new(&row(&["a", "resourceTags/user:Team"]), Preset::AwsCur, &Overrides::default());
        let header = header.unwrap();
        assert_eq!(header.beginning("resourceTags/").collect::<Vec<_>>(), [(1, "user:Team")]);
    }
}
