//! Replace by partition: what becomes of one Purchase when a partition is committed.
//!
//! The store opens one transaction, asks [`crate::completeness::admit`] whether the commit may happen, has
//! [`crate::completeness::voids`] decide what may vanish, and then streams, in [`Key`] order,
//! every key the partition has staged **or** has contributed to before (or a withdrawn lower stage has) through
//! [`settle`]. It writes what each [`Outcome`] holds, feeds the rows before and after to [`crate::rollup::Rollups`], and
//! commits. A changed customer mapping goes through [`restamp`] in the same way.
//!
//! **Invariants:** a commit changes the partition's own contributions only; committing the same twice changes nothing
//! the second time; a frozen Purchase never changes; the source date of a reference strictly increases.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};

use crate::completeness::Voids;
use crate::correction;
use crate::customer::Customers;
use crate::ledgered::{Ledgered, PartitionNo, Share, Shares};
use crate::period::{self, Closed};
use crate::purchase::{Key, State};
use crate::sum::{self, Conflict, Total};
use crate::tiers;
use crate::{AccountId, Contribution, Month, Purchase};

/// What holds for every Purchase of an account at the time of a commit.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// When it happens: source dates come from it.
    pub now: Timestamp,
    /// The zone month borders follow.
    pub zone: &'a TimeZone,
    /// Which booked periods are closed.
    pub closed: &'a Closed,
    /// Whose customer is whose.
    pub customers: &'a Customers,
}

/// One partition commit.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'a> {
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: &'a str,
    /// The partition that is replaced.
    pub partition: PartitionNo,
    /// Partitions of a lower stage, same feed, currency and month: their contributions leave with this commit.
    pub withdraws: &'a [PartitionNo],
    /// The partition's own billing month; none: the month a Purchase starts in.
    pub month: Option<&'a Month>,
    /// Whether what vanished is taken out.
    pub voids: &'a Voids,
    /// The rest.
    pub rules: Rules<'a>,
}

/// What to write for one key. A row that is replaced goes to the revisions as it was, except by
/// [`Corrected::origin`], whose Purchase is as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing.
    Unchanged,
    /// This instead of the existing row, without a revision: the Purchase is as it was, and only who says it has changed.
    /// It counts as unchanged.
    Reattribute(Ledgered),
    /// Nothing, but the partition's contribution has vanished and waits for an operator: note the held void. Its
    /// contribution stays in the row; settling it again with [`Voids::Take`] takes it out.
    Held,
    /// A new row.
    Insert(Ledgered),
    /// This instead of the existing row.
    Update(Ledgered),
    /// This instead of the existing row: nothing contributes to it any more.
    Void(Ledgered),
    /// The existing row is frozen: what changed stands in corrections.
    Correct(Corrected),
    /// Nothing: what the partition says cannot be added to what another partition says under the same reference.
    /// Count the staged contribution as rejected.
    Refused(Conflict),
}

/// What changes around a frozen row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Corrected {
    /// The frozen row: the same Purchase and revision; other shares or more corrections, or all as it was. No revision.
    pub origin: Ledgered,
    /// New corrections.
    pub inserts: Vec<Ledgered>,
    /// Open corrections with a new amount; each replaces the row of its key, which becomes a revision.
    pub updates: Vec<Ledgered>,
}

/// Decides what a commit makes of one key.
///
/// `existing` is the stored row, none where there is none. `corrections` are its corrections as stored, empty unless
/// [`Ledgered::corrections`] counts some. `staged` is what the partition now says, equal references already summed
/// ([`sum::fold`]); none: it no longer says anything.
#[must_use]
pub fn settle(
    existing: Option<&Ledgered>,
    corrections: &[Ledgered],
    staged: Option<Contribution>,
    commit: &Commit<'_>,
) -> Outcome {
    match (existing, staged) {
        (None, None) => Outcome::Unchanged,
        (None, Some(staged)) => Outcome::Insert(insert(staged, commit)),
        (Some(existing), None) => vanish(existing, corrections, commit),
        (Some(existing), Some(mut staged)) => {
            tiers::inherit(&mut staged, existing, commit.partition);
            match is_as_stored(existing, corrections, &staged, commit) {
                true => Outcome::Unchanged,
                false => replace(existing, corrections, staged, commit),
            }
        }
    }
}

/// Stamps a stored row anew: after its customer was mapped, or mapped to another.
///
/// An open row takes the new customer code. A frozen one moves by a minus to the old customer and a plus to the new.
#[must_use]
pub fn restamp(existing: &Ledgered, corrections: &[Ledgered], rules: &Rules<'_>) -> Outcome {
    book(existing, corrections, existing.shares(), rules)
}

/// Prices a stored row anew: these are its shares with what they cost now.
///
/// An open row takes the sum. What a frozen one costs more or less stands in its open correction.
#[must_use]
pub fn reprice(
    existing: &Ledgered,
    corrections: &[Ledgered],
    shares: Vec<Share>,
    rules: &Rules<'_>,
) -> Outcome {
    book(existing, corrections, shares, rules)
}

/// A later source date: now, and in any case after the former one.
///
/// Source dates are whole milliseconds, so that a consumer that keeps no more than those still sees each step.
#[must_use]
pub fn source_date(former: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let now = whole_millis(now);
    match former.map(whole_millis).and_then(|former| former.checked_add(SignedDuration::from_millis(1)).ok())
    {
        Some(next) => now.max(next),
        None => now,
    }
}

fn whole_millis(instant: Timestamp) -> Timestamp {
    let round = jiff::TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Floor);
    instant.round(round).unwrap_or(instant)
}

/// The common case of a re-run, told without a copy: the partition alone speaks, and says what it said.
fn is_as_stored(
    existing: &Ledgered,
    corrections: &[Ledgered],
    staged: &Contribution,
    commit: &Commit<'_>,
) -> bool {
    let purchase = &existing.purchase;
    existing.shares == Shares::Same(commit.partition)
        && corrections.is_empty()
        && commit.month.is_none_or(|month| *month == purchase.vendor_period)
        && purchase.says(staged)
        && commit.rules.customers.code_of(&purchase.description) == purchase.customer_code.as_deref()
}

fn insert(staged: Contribution, commit: &Commit<'_>) -> Ledgered {
    let rules = &commit.rules;
    let vendor_period = vendor_period(&staged, commit);
    let purchase = Purchase {
        key: Key::new(commit.account, commit.feed, &staged.reference, &staged.description),
        account: commit.account,
        feed: commit.feed.to_owned(),
        customer_code: rules.customers.code_of(&staged.description).map(str::to_owned),
        booked_period: rules.closed.book(&vendor_period),
        vendor_period,
        reference: staged.reference,
        description: staged.description,
        quantity: staged.quantity,
        cost: staged.cost,
        evidence: staged.evidence,
        revision: 1,
        source_date: source_date(None, rules.now),
        state: State::Open,
    };
    Ledgered { purchase, shares: Shares::Same(commit.partition), corrections: 0 }
}

fn replace(
    existing: &Ledgered,
    corrections: &[Ledgered],
    staged: Contribution,
    commit: &Commit<'_>,
) -> Outcome {
    let (mut shares, leaving) = part(existing, commit);
    let clash = shares.iter().find_map(|other| sum::clash(&other.contribution, &staged));
    if let Some(conflict) = clash {
        return Outcome::Refused(conflict);
    }
    let mut share = Share {
        partition: commit.partition,
        vendor_period: vendor_period(&staged, commit),
        contribution: staged,
    };
    // Said in the same words: the records it was first read from stay its proof.
    if let Some(same) = leaving.into_iter().find(|former| former.contribution.says_as(&share.contribution)) {
        share.contribution = same.contribution;
    }
    shares.push(share);
    shares.sort_by_key(|share| share.partition);
    book(existing, corrections, shares, &commit.rules)
}

fn vanish(existing: &Ledgered, corrections: &[Ledgered], commit: &Commit<'_>) -> Outcome {
    let (staying, leaving) = part(existing, commit);
    match (leaving.is_empty(), commit.voids) {
        (true, _) => Outcome::Unchanged,
        (false, Voids::Hold(_)) => Outcome::Held,
        (false, Voids::Take) => book(existing, corrections, staying, &commit.rules),
    }
}

/// Shares that stay, and those this commit replaces.
fn part(existing: &Ledgered, commit: &Commit<'_>) -> (Vec<Share>, Vec<Share>) {
    let leaves =
        |share: &Share| share.partition == commit.partition || commit.withdraws.contains(&share.partition);
    existing.shares().into_iter().partition(|share| !leaves(share))
}

fn vendor_period(staged: &Contribution, commit: &Commit<'_>) -> Month {
    match commit.month {
        Some(month) => month.clone(),
        None => period::month_of(staged.description.start, commit.rules.zone),
    }
}

/// Books what the shares say now: in the row itself while it is open, in corrections once it is frozen.
fn book(existing: &Ledgered, corrections: &[Ledgered], shares: Vec<Share>, rules: &Rules<'_>) -> Outcome {
    if rules.closed.freezes(&existing.purchase) {
        correction::correct(existing, corrections, shares, rules)
    } else {
        revise(existing, shares, rules)
    }
}

fn revise(existing: &Ledgered, shares: Vec<Share>, rules: &Rules<'_>) -> Outcome {
    let former = &existing.purchase;
    let next = match Total::of(&shares) {
        Some(total) => stand(former, total, rules),
        None => void(former, rules),
    };
    let same = next.customer_code == former.customer_code
        && next.state == former.state
        && next.vendor_period == former.vendor_period
        && next.says_as(former);
    let purchase = if same { former.clone() } else { revised(former, next, rules) };
    let becomes_void = !same && purchase.state == State::Void;
    let row = Ledgered { shares: Shares::of(shares, &purchase), purchase, corrections: existing.corrections };
    match (same, becomes_void) {
        (true, _) if row.shares == existing.shares => Outcome::Unchanged,
        (true, _) => Outcome::Reattribute(row),
        (false, true) => Outcome::Void(row),
        (false, false) => Outcome::Update(row),
    }
}

/// The Purchase with these sums, not yet a revision.
fn stand(former: &Purchase, total: Total, rules: &Rules<'_>) -> Purchase {
    Purchase {
        customer_code: rules.customers.code_of(&total.description).map(str::to_owned),
        description: total.description,
        quantity: total.quantity,
        cost: total.cost,
        evidence: total.evidence,
        vendor_period: total.vendor_period,
        state: State::Open,
        ..former.clone()
    }
}

/// The Purchase that nothing contributes to. No record proves it: the run that did not see it does.
fn void(former: &Purchase, rules: &Rules<'_>) -> Purchase {
    Purchase {
        customer_code: rules.customers.code_of(&former.description).map(str::to_owned),
        quantity: crate::Decimal::zero(),
        cost: former.cost.as_ref().map(|_| crate::Decimal::zero()),
        evidence: Vec::new(),
        state: State::Void,
        ..former.clone()
    }
}

fn revised(former: &Purchase, next: Purchase, rules: &Rules<'_>) -> Purchase {
    let stays = next.vendor_period == former.vendor_period && !rules.closed.contains(&former.booked_period);
    Purchase {
        booked_period: if stays { next.booked_period } else { rules.closed.book(&next.vendor_period) },
        revision: former.revision.saturating_add(1),
        source_date: source_date(Some(former.source_date), rules.now),
        ..next
    }
}
