//! Whatever happens in whatever order, the ledger says what a naive model says.

use std::collections::BTreeMap;

use jiff::{Span, ToSpan};
use proptest::prelude::*;
use purser_domain::completeness::{self, Retrieval, Weight};
use purser_domain::period::Closed;
use purser_domain::purchase::State;
use purser_domain::sum::add_costs;
use purser_domain::{Contribution, Decimal, Month, PartitionNo};

use crate::ledger::Ledger;
use crate::support::{HOLD, TAKE, World, contribution, mapped_to, month};

/// The billed stage of partition 0.
const BILLED: i64 = 1;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What a partition says in one line: name, quantity and cost in hundredths.
type Line = (&'static str, i16, i16);

#[derive(Clone, Debug)]
enum Step {
    /// A partition says these.
    Commit {
        partition: i64,
        lines: Vec<Line>,
        hold: bool,
    },
    Close,
    Map(Option<&'static str>),
    Wait(i64),
}

fn lines(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec((prop::sample::select(NAMES.to_vec()), any::<i16>(), any::<i16>()), count)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let commit = (0..5_i64, lines(0..6), prop::bool::weighted(0.2));
    let commit = commit.prop_map(|(partition, lines, hold)| Step::Commit { partition, lines, hold });
    let map = prop::sample::select(vec![None, Some("C-1"), Some("C-2")]).prop_map(Step::Map);
    // Time stands still or runs backwards now and then: clocks do.
    let wait = (-5_000..86_400_000_i64).prop_map(Step::Wait);
    prop::collection::vec(prop_oneof![6 => commit, 1 => Just(Step::Close), 1 => map, 2 => wait], 1..25)
}

fn contributions(lines: &[Line]) -> Vec<Contribution> {
    let hundredths = |value: i16| format!("{value}e-2");
    lines
        .iter()
        .map(|(name, quantity, cost)| contribution(name, &hundredths(*quantity), &hundredths(*cost)))
        .collect()
}

type Said = BTreeMap<&'static str, (Decimal, Decimal)>;

/// What each partition says, and nothing else.
#[derive(Default)]
struct Naive {
    said: BTreeMap<i64, Said>,
}

impl Naive {
    fn commit(&mut self, partition: i64, lines: &[Line], hold: bool) {
        let mut now = Said::new();
        for (name, quantity, cost) in lines {
            let sum = now.entry(name).or_default();
            let hundredth: Decimal = "0.01".parse().unwrap();
            sum.0 = &sum.0 + &(&Decimal::from(i64::from(*quantity)) * &hundredth);
            sum.1 = &sum.1 + &(&Decimal::from(i64::from(*cost)) * &hundredth);
        }
        if partition == BILLED {
            let unbilled = self.said.entry(0).or_default();
            unbilled.retain(|name, _| hold && !now.contains_key(name));
        }
        let said = self.said.entry(partition).or_default();
        said.retain(|_, _| hold);
        said.extend(now);
    }

    fn total(&self, name: &str) -> (Decimal, Decimal) {
        let said = || self.said.values().filter_map(|said| said.get(name));
        (said().map(|sum| &sum.0).sum(), said().map(|sum| &sum.1).sum())
    }
}

struct Play {
    world: World,
    ledger: Ledger,
    naive: Naive,
    code: Option<&'static str>,
    is_billed: bool,
}

impl Play {
    fn new() -> Self {
        Self {
            world: World::new(),
            ledger: Ledger::default(),
            naive: Naive::default(),
            code: Some("C-1"),
            is_billed: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Commit { partition, lines, hold } => self.commit(*partition, lines, *hold),
            Step::Close => self.world.closed = Closed::through(self.next_month()),
            Step::Map(code) => {
                self.code = *code;
                self.world.customers = mapped_to(*code);
                self.ledger.restamp(&self.world.rules());
            }
            Step::Wait(millis) => self.world.now = self.world.now.checked_add(millis.milliseconds()).unwrap(),
        }
    }

    fn commit(&mut self, partition: i64, lines: &[Line], hold: bool) {
        if partition == 0 && self.is_billed {
            return;
        }
        // An empty retrieval never takes anything out.
        let hold = hold || lines.is_empty();
        self.is_billed |= partition == BILLED;
        let withdraws = [PartitionNo(0)];
        let mut commit = self.world.commit(partition, if hold { &HOLD } else { &TAKE });
        commit.withdraws = if partition == BILLED { &withdraws } else { &[] };
        self.ledger.commit(contributions(lines), &commit);
        self.naive.commit(partition, lines, hold);
        let once = self.ledger.clone();
        self.ledger.commit(contributions(lines), &commit);
        assert_eq!(
            (once.rows, once.writes),
            (self.ledger.rows.clone(), self.ledger.writes),
            "a re-run changes nothing"
        );
    }

    fn next_month(&self) -> Month {
        self.world.closed.last().map_or(month("2026-09"), Month::next)
    }

    /// Per name and customer: what the rows say, corrections included.
    fn booked(&self, name: &str, code: Option<&str>) -> (Decimal, Decimal) {
        let natural = format!("/{name}");
        let concerned = |reference: &str| reference.split('#').next().unwrap().ends_with(&natural);
        let rows = || {
            let rows = self.ledger.rows.values().map(|row| &row.purchase);
            rows.filter(|row| concerned(&row.reference) && row.customer_code.as_deref() == code)
        };
        let cost = rows().fold(None, |sum, row| add_costs(sum.as_ref(), row.cost.as_ref()));
        (rows().map(|row| &row.quantity).sum(), cost.unwrap_or_default())
    }
}

fn play(steps: &[Step]) -> Play {
    let mut play = Play::new();
    steps.iter().for_each(|step| play.step(step));
    play
}

/// What goes wrong in one retrieval of sixteen Purchases of the same cost.
#[derive(Clone, Debug, Default)]
struct Fault {
    /// Which of them it shows.
    keep: u16,
    cut_off: bool,
    failed_pages: u64,
    rejected: u64,
}

fn fault() -> impl Strategy<Value = Fault> {
    // Most retrievals lose a few: those may be voided, where nothing else is wrong.
    let few = (any::<u16>(), any::<u16>()).prop_map(|(one, other)| !(one & other & 0b0011_0000_1100_0011));
    let keep = prop_oneof![3 => few, 1 => any::<u16>(), 1 => Just(0)];
    let faults = (
        keep,
        prop::bool::weighted(0.2),
        prop_oneof![4 => Just(0), 1 => 1..3_u64],
        prop_oneof![4 => Just(0), 1 => 1..3_u64],
    );
    faults.prop_map(|(keep, cut_off, failed_pages, rejected)| Fault { keep, cut_off, failed_pages, rejected })
}

impl Play {
    /// One retrieval, decided upon and committed as a store does.
    fn retrieve(&mut self, fault: &Fault) {
        let all: Vec<_> = (0..16).map(|number| contribution(&format!("n{number}"), "1", "1")).collect();
        let shown = all.iter().enumerate().filter(|(number, _)| fault.keep & (1 << number) != 0);
        let shown: Vec<Contribution> = shown.map(|(_, it)| it.clone()).collect();
        let partition = PartitionNo(7);
        let said = self.ledger.rows.values().filter_map(|row| row.contribution_of(partition));
        let (mut former, mut vanished, mut staged) =
            (Weight::default(), Weight::default(), Weight::default());
        for it in said {
            former.add(&it);
            if !shown.iter().any(|shown| shown.reference == it.reference) {
                vanished.add(&it);
            }
        }
        shown.iter().for_each(|it| staged.add(it));
        let voids = completeness::voids(&Retrieval {
            is_complete: !fault.cut_off,
            failed_pages: fault.failed_pages,
            rejected: fault.rejected,
            staged,
            former,
            vanished,
            threshold_percent: 20,
        });
        self.ledger.commit(shown, &self.world.commit(partition.0, &voids));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_history_reconciles_with_a_naive_model_for_every_customer(steps in steps()) {
        let mut play = Play::new();
        for step in &steps {
            play.step(step);
            for name in NAMES {
                for code in [None, Some("C-1"), Some("C-2")] {
                    let expected = if code == play.code { play.naive.total(name) } else { Default::default() };
                    prop_assert_eq!(play.booked(name, code), expected, "{} of {:?}", name, code);
                }
            }
        }
    }

    #[test]
    fn rollups_reconcile_with_a_recount_after_any_history(steps in steps()) {
        let play = play(&steps);
        prop_assert_eq!(&play.ledger.rollups, &play.ledger.recount());
    }

    #[test]
    fn an_open_row_equals_the_sum_of_its_contributions_whatever_was_restated(steps in steps()) {
        let play = play(&steps);
        for row in play.ledger.rows.values().filter(|row| !row.purchase.reference.contains('#')) {
            if play.world.closed.freezes(&row.purchase) {
                continue;
            }
            let shares = row.shares();
            let quantity: Decimal = shares.iter().map(|share| &share.contribution.quantity).sum();
            prop_assert_eq!(&row.purchase.quantity, &quantity);
        }
    }

    #[test]
    fn partitions_committed_in_any_order_give_the_same_purchases(
        lines in prop::collection::vec(lines(1..6), 1..5),
        order in Just((2..6_i64).collect::<Vec<_>>()).prop_shuffle(),
        again in 2..6_i64,
    ) {
        let commit = |partition: i64| {
            let lines = lines[(partition as usize - 2) % lines.len()].clone();
            Step::Commit { partition, lines, hold: false }
        };
        let straight: Vec<_> = (2..6).map(commit).collect();
        let shuffled: Vec<_> = order.into_iter().chain([again]).map(commit).collect();
        let shown = |play: &Play| -> Vec<_> {
            let rows = play.ledger.rows.values().map(|row| row.purchase.clone());
            rows.map(|row| (row.reference, row.description, row.quantity, row.cost, row.evidence)).collect()
        };
        prop_assert_eq!(shown(&play(&straight)), shown(&play(&shuffled)));
    }

    #[test]
    fn restated_any_number_of_times_a_partition_ends_as_its_last_state_with_every_step_kept(
        states in prop::collection::vec(lines(1..6), 1..8),
    ) {
        let commit = |lines: &Vec<Line>| Step::Commit { partition: 2, lines: lines.clone(), hold: false };
        let (restated, alone) = (play(&states.iter().map(commit).collect::<Vec<_>>()), play(&[commit(&states[states.len() - 1])]));
        let standing = |play: &Play| -> Vec<_> {
            let rows = play.ledger.rows.values().map(|row| row.purchase.clone());
            let rows = rows.filter(|row| row.state == State::Open);
            rows.map(|row| (row.reference, row.description, row.quantity, row.cost, row.booked_period)).collect()
        };
        prop_assert_eq!(standing(&restated), standing(&alone));
        for name in NAMES {
            let mut naive = Naive::default();
            let (mut said, mut steps) = (None, 0);
            for lines in &states {
                naive.commit(2, lines, false);
                let now = naive.said[&2].get(name).cloned();
                // Before it is first said there is nothing to change.
                steps += u32::from((said.is_some() || now.is_some() || steps > 0) && said != now);
                said = now;
            }
            prop_assert_eq!(restated.ledger.row(name).map_or(0, |row| row.purchase.revision), steps, "{}", name);
        }
    }

    #[test]
    fn records_in_any_order_and_said_again_give_the_same_purchases(
        lines in lines(1..12),
        shuffled in any::<u64>(),
        again in 0..3_usize,
    ) {
        let mut other = lines.clone();
        // A cheap shuffle: which one does not matter.
        other.sort_by_key(|line| (shuffled ^ (line.1 as u64).wrapping_mul(0x9E37_79B9)).wrapping_mul(0xBF58_476D));
        let commit = |lines: &Vec<Line>| Step::Commit { partition: 2, lines: lines.clone(), hold: false };
        let straight = play(&[commit(&lines)]);
        let repeated: Vec<_> = std::iter::repeat_n(commit(&other), again + 1).collect();
        let shown = |play: &Play| -> Vec<_> {
            let rows = play.ledger.rows.values().map(|row| row.purchase.clone());
            rows.map(|row| (row.reference, row.quantity, row.cost, row.revision)).collect()
        };
        prop_assert_eq!(shown(&straight), shown(&play(&repeated)));
    }

    #[test]
    fn no_sequence_of_faults_voids_a_purchase_wrongly(faults in prop::collection::vec(fault(), 1..12)) {
        let mut play = Play::new();
        let whole = Fault { keep: u16::MAX, ..Fault::default() };
        for fault in std::iter::once(&whole).chain(&faults) {
            let standing = |play: &Play| -> usize {
                play.ledger.rows.values().filter(|row| row.purchase.state == State::Open).count()
            };
            let before = standing(&play);
            play.retrieve(fault);
            let voided = before.saturating_sub(standing(&play));
            let is_clean = !fault.cut_off && fault.failed_pages == 0 && fault.rejected == 0 && fault.keep != 0;
            prop_assert!(voided == 0 || (is_clean && voided * 100 <= 20 * before), "{:?} voided {} of {}", fault, voided, before);
        }
    }

    #[test]
    fn a_frozen_purchase_stays_as_it_was_for_ever(steps in steps()) {
        let mut play = Play::new();
        let mut frozen = BTreeMap::new();
        for step in &steps {
            play.step(step);
            for row in play.ledger.rows.values().filter(|row| play.world.closed.freezes(&row.purchase)) {
                let first = frozen.entry(row.purchase.key).or_insert_with(|| row.purchase.clone());
                prop_assert_eq!(&*first, &row.purchase);
            }
        }
    }

    #[test]
    fn at_most_one_correction_of_a_side_is_open(steps in steps()) {
        let play = play(&steps);
        let mut open = BTreeMap::new();
        for row in play.ledger.rows.values().map(|row| &row.purchase) {
            if let (Some((origin, _)), false) = (row.reference.split_once('#'), play.world.closed.freezes(row)) {
                *open.entry((origin.to_owned(), row.customer_code.clone())).or_insert(0) += 1;
            }
        }
        prop_assert!(open.values().all(|count| *count == 1), "{:?}", open);
    }
}

/// A whole year: twelve months of daily usage, each month restated once while it is open, closed, and restated again.
#[test]
fn a_year_of_closed_and_restated_months_reconciles() {
    let mut play = Play::new();
    let mut day: jiff::civil::Date = "2026-01-15".parse().unwrap();
    for number in 0..12_i64 {
        let lines = |cost: &str| -> Vec<_> {
            let mut line = contribution("a", "1", cost);
            line.description.start = day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
            line.reference = line.description.reference("a");
            vec![line]
        };
        let commit = |play: &mut Play, cost: &str| {
            play.world.now = play.world.now.checked_add(1.hours()).unwrap();
            let commit = play.world.commit(10 + number, &TAKE);
            play.ledger.commit(lines(cost), &commit);
        };
        commit(&mut play, "10");
        commit(&mut play, "11.005");
        play.world.closed =
            play.world.closed.close(&Month::of(day), day.saturating_add(Span::new().months(1))).unwrap();
        commit(&mut play, "11.004");
        commit(&mut play, "11.004");
        day = day.saturating_add(Span::new().months(1));
    }
    assert_eq!(play.ledger.rows.len(), 24, "a Purchase and a correction each month");
    assert_eq!(play.booked("a", Some("C-1")), ("12".parse().unwrap(), "132.048".parse().unwrap()));
    let booked = |period: &str| -> Decimal {
        let rows = play.ledger.rows.values().map(|row| &row.purchase);
        rows.filter(|row| row.booked_period == month(period)).filter_map(|row| row.cost.as_ref()).sum()
    };
    assert_eq!(booked("2026-01"), "11.005".parse().unwrap(), "the closed month stays as it was billed");
    assert_eq!(booked("2026-02"), "11.004".parse().unwrap(), "its difference is booked in the next one");
    assert_eq!(booked("2027-01"), "-0.001".parse().unwrap());
}
