//! The filter of the Purchases pages: from an address to a [`Filter`] and back.

use jiff::civil::Date;
use purser_domain::purchase::Key;
use purser_domain::{AccountId, Month, RunId};
use purser_store::ledger::Filter;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::problem::Problem;

/// What an address or form asks for; empty means all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PurchaseQuery {
    pub(crate) account: String,
    pub(crate) feed: String,
    pub(crate) from: String,
    /// The last day, as people say it.
    pub(crate) to: String,
    /// A month; decides over `from` and `to`.
    pub(crate) period: String,
    pub(crate) customer: String,
    pub(crate) search: String,
    pub(crate) run: String,
    pub(crate) unmapped: String,
    pub(crate) voided: String,
    pub(crate) after: String,
    pub(crate) limit: String,
}

impl PurchaseQuery {
    /// The filter; an error names the field.
    pub(crate) fn filter(&self) -> Result<Filter, Problem> {
        let (from, to) = self.days()?;
        Ok(Filter {
            account: parsed::<AccountId>(&self.account, "account")?,
            from,
            to,
            feed: given(&self.feed),
            customer: given(&self.customer),
            search: given(&self.search),
            unmapped: is_on(&self.unmapped),
            run: parsed::<RunId>(&self.run, "run")?,
            voided: is_on(&self.voided),
        })
    }

    /// The key the page starts after.
    pub(crate) fn after(&self) -> Result<Option<Key>, Problem> {
        parsed(&self.after, "position")
    }

    /// Rows wanted, within bounds.
    pub(crate) fn limit(&self, otherwise: u32, most: u32) -> Result<u32, Problem> {
        Ok(parsed::<u32>(&self.limit, "limit")?.unwrap_or(otherwise).clamp(1, most))
    }

    fn days(&self) -> Result<(Option<Date>, Option<Date>), Problem> {
        if let Some(period) = parsed::<Month>(&self.period, "period")? {
            let first: Date =
                format!("{period}-01").parse().map_err(|_| Problem::input("the period is no month"))?;
            return Ok((Some(first), first.last_of_month().tomorrow().ok()));
        }
        let last: Option<Date> = parsed(&self.to, "last day")?;
        Ok((parsed(&self.from, "first day")?, last.and_then(|last| last.tomorrow().ok())))
    }

    /// Whether anything narrows the list.
    pub(crate) fn is_narrow(&self) -> bool {
        let fields = [
            &self.account,
            &self.feed,
            &self.from,
            &self.to,
            &self.period,
            &self.customer,
            &self.search,
            &self.run,
        ];
        fields.iter().any(|field| !field.is_empty()) || is_on(&self.unmapped)
    }

    pub(crate) fn shows_voided(&self) -> bool {
        is_on(&self.voided)
    }

    pub(crate) fn shows_unmapped(&self) -> bool {
        is_on(&self.unmapped)
    }

    /// The address's query without position.
    pub(crate) fn same_filter(&self) -> String {
        self.pairs(None)
    }

    /// The address's query for the page after a key.
    pub(crate) fn next(&self, after: Key) -> String {
        self.pairs(Some(after))
    }

    fn pairs(&self, after: Option<Key>) -> String {
        let fields = [
            ("account", &self.account),
            ("feed", &self.feed),
            ("from", &self.from),
            ("to", &self.to),
            ("period", &self.period),
            ("customer", &self.customer),
            ("search", &self.search),
            ("run", &self.run),
            ("unmapped", &self.unmapped),
            ("voided", &self.voided),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
        if let Some(after) = after {
            query.append_pair("after", &after.to_string());
        }
        query.finish()
    }
}

fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn is_on(text: &str) -> bool {
    !matches!(text, "" | "0" | "false" | "off")
}

fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<Option<T>, Problem> {
    let unusable = |_| Problem::input(format!("the {what} of the filter cannot be read"));
    given(text).map(|text| text.parse().map_err(unusable)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_its_whole_month_and_the_last_day_is_inside() {
        let query = PurchaseQuery { period: "2026-02".into(), ..PurchaseQuery::default() };
        let filter = query.filter().unwrap();
        assert_eq!((filter.from, filter.to), ("2026-02-01".parse().ok(), "2026-03-01".parse().ok()));
        let query = PurchaseQuery { to: "2026-02-28".into(), ..PurchaseQuery::default() };
        assert_eq!(query.filter().unwrap().to, "2026-03-01".parse().ok());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (field, query) in [
            ("account", PurchaseQuery { account: "x".into(), ..PurchaseQuery::default() }),
            ("first day", PurchaseQuery { from: "yesterday".into(), ..PurchaseQuery::default() }),
            ("run", PurchaseQuery { run: "x".into(), ..PurchaseQuery::default() }),
            ("period", PurchaseQuery { period: "2026-13".into(), ..PurchaseQuery::default() }),
        ] {
            assert!(query.filter().unwrap_err().what.contains(field), "{field}");
        }
    }

    #[test]
    fn the_next_page_has_the_same_filter() {
        let query = PurchaseQuery { search: "a & b".into(), after: "old".into(), ..PurchaseQuery::default() };
        let next = query.next(Key::from_bytes([1; 32]));
        assert_eq!(next, format!("search=a+%26+b&after={}", "01".repeat(32)));
        assert_eq!(query.same_filter(), "search=a+%26+b");
    }
}
