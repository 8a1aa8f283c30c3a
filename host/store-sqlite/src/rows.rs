//! Rows of the ledger, and the Purchases they are.

use purser_domain::purchase::{Key, State};
use purser_domain::{AccountId, Currency, Ledgered, PartitionNo, Purchase, Shares};
use purser_store::codec::{Columns, unpack_rest, unpack_shares};
use purser_store::{Error, Result};

use crate::error::damaged;
use crate::values::{decimal, from_word, id, instant, key, unsigned};

/// A row of `purchases` or `revisions`, as all queries select it.
pub(crate) struct PurchaseRow {
    pub(crate) key: Vec<u8>,
    pub(crate) feed: String,
    pub(crate) reference: String,
    pub(crate) vendor_customer: String,
    pub(crate) customer_code: Option<String>,
    pub(crate) product_key: String,
    pub(crate) product_text: String,
    pub(crate) quantity: String,
    pub(crate) unit: String,
    pub(crate) cost: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) state: String,
    pub(crate) vendor_period: String,
    pub(crate) booked_period: String,
    pub(crate) revision: i64,
    pub(crate) source_date: i64,
    pub(crate) rest: Vec<u8>,
}

/// A row of `purchases` with what it is made of.
pub(crate) struct LedgeredRow {
    /// That made this state of it.
    pub(crate) run: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) feed: String,
    pub(crate) reference: String,
    pub(crate) vendor_customer: String,
    pub(crate) customer_code: Option<String>,
    pub(crate) product_key: String,
    pub(crate) product_text: String,
    pub(crate) quantity: String,
    pub(crate) unit: String,
    pub(crate) cost: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) state: String,
    pub(crate) vendor_period: String,
    pub(crate) booked_period: String,
    pub(crate) revision: i64,
    pub(crate) source_date: i64,
    pub(crate) corrections: i64,
    pub(crate) origin: Option<i64>,
    pub(crate) shares: Option<Vec<u8>>,
    pub(crate) rest: Vec<u8>,
}

impl TryFrom<PurchaseRow> for Purchase {
    type Error = Error;

    fn try_from(row: PurchaseRow) -> Result<Self> {
        let key = key(&row.key)?;
        let columns = Columns {
            vendor_customer: row.vendor_customer,
            product_key: row.product_key,
            product_text: row.product_text,
            unit: row.unit,
            currency: row.currency.as_deref().map(|code| id::<Currency>(code, "currency")).transpose()?,
        };
        let (description, evidence) = unpack_rest(&row.rest)?.describe(columns);
        Ok(Self {
            key,
            account: account_of(key)?,
            feed: row.feed,
            reference: row.reference,
            customer_code: row.customer_code,
            description,
            quantity: decimal(&row.quantity)?,
            cost: row.cost.as_deref().map(decimal).transpose()?,
            evidence,
            revision: unsigned(row.revision)?,
            source_date: instant(row.source_date)?,
            state: state(row.state)?,
            vendor_period: id(&row.vendor_period, "month")?,
            booked_period: id(&row.booked_period, "month")?,
        })
    }
}

impl TryFrom<LedgeredRow> for Ledgered {
    type Error = Error;

    fn try_from(row: LedgeredRow) -> Result<Self> {
        let shares = match (row.origin, &row.shares) {
            (Some(partition), _) => Shares::Same(PartitionNo(partition)),
            (None, Some(shares)) => Shares::Own(unpack_shares(shares)?),
            (None, None) => Shares::Own(Vec::new()),
        };
        let purchase = PurchaseRow {
            key: row.key,
            feed: row.feed,
            reference: row.reference,
            vendor_customer: row.vendor_customer,
            customer_code: row.customer_code,
            product_key: row.product_key,
            product_text: row.product_text,
            quantity: row.quantity,
            unit: row.unit,
            cost: row.cost,
            currency: row.currency,
            state: row.state,
            vendor_period: row.vendor_period,
            booked_period: row.booked_period,
            revision: row.revision,
            source_date: row.source_date,
            rest: row.rest,
        };
        Ok(Self { purchase: purchase.try_into()?, shares, corrections: unsigned(row.corrections)? })
    }
}

/// The account a key belongs to: its first four bytes.
pub(crate) fn account_of(key: Key) -> Result<AccountId> {
    let bytes = key.as_bytes().first_chunk().ok_or_else(|| damaged("key"))?;
    Ok(AccountId(u32::from_be_bytes(*bytes)))
}

/// The half-open range of an account's keys. The upper end of the last account is longer than any key.
pub(crate) fn keys_of(account: Option<AccountId>) -> (Vec<u8>, Vec<u8>) {
    let beyond_all = || vec![u8::MAX; Key::LENGTH + 1];
    let Some(AccountId(number)) = account else { return (Vec::new(), beyond_all()) };
    let upper = number.checked_add(1).map_or_else(beyond_all, |next| next.to_be_bytes().to_vec());
    (number.to_be_bytes().to_vec(), upper)
}

/// The word of a state. Rows are many: no detour over JSON.
pub(crate) fn state_word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Void => "void",
        State::Closed => "closed",
    }
}

fn state(word: String) -> Result<State> {
    match word.as_str() {
        "open" => Ok(State::Open),
        "void" => Ok(State::Void),
        _ => from_word(word, "state"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_as_it_was_written() {
        for written in [State::Open, State::Void, State::Closed] {
            assert_eq!(state(state_word(written).to_owned()).unwrap(), written);
        }
    }

    #[test]
    fn the_keys_of_accounts_do_not_overlap() {
        let (first, second) = (keys_of(Some(AccountId(1))), keys_of(Some(AccountId(2))));
        assert_eq!(first.1, second.0);
        let last = keys_of(Some(AccountId(u32::MAX)));
        assert!(last.1.as_slice() > [u8::MAX; Key::LENGTH].as_slice());
    }
}
