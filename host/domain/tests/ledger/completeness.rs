//! May a commit happen, may what vanished be voided, should somebody look?

use purser_domain::RunId;
use purser_domain::completeness::{
    Alarm, Hold, Refusal, Retrieval, Seniority, Stored, Voids, Weight, admit, alarm, raises_stage, voids,
};

use crate::support::{contribution, instant};

fn weight(contributions: u64, amount: &str) -> Weight {
    let mut weight = Weight::default();
    for number in 0..contributions {
        weight.add(&contribution("a", "1", if number == 0 { amount } else { "0" }));
    }
    weight
}

/// Ten contributions of 100 EUR in all before, and as many now.
fn retrieval() -> Retrieval {
    Retrieval {
        is_complete: true,
        failed_pages: 0,
        rejected: 0,
        staged: weight(10, "100"),
        former: weight(10, "100"),
        vanished: weight(0, ""),
        threshold_percent: 20,
    }
}

#[test]
fn voids_are_taken_or_held_by_this_table() {
    let with = |change: fn(&mut Retrieval)| {
        let mut retrieval = retrieval();
        change(&mut retrieval);
        retrieval
    };
    let table = [
        ("whole", retrieval(), None),
        ("incomplete", with(|r| r.is_complete = false), Some(Hold::Incomplete)),
        ("a page failed", with(|r| r.failed_pages = 1), Some(Hold::FailedPage)),
        ("a record rejected", with(|r| r.rejected = 1), Some(Hold::Rejected)),
        ("nothing came", with(|r| r.staged = Weight::default()), Some(Hold::Empty)),
        ("two of ten", with(|r| r.vanished = weight(2, "20")), None),
        ("three of ten", with(|r| r.vanished = weight(3, "0")), Some(Hold::Records)),
        ("one, but a fifth of the money", with(|r| r.vanished = weight(1, "20")), None),
        (
            "one, but more money",
            with(|r| r.vanished = weight(1, "20.000000000000000001")),
            Some(Hold::Amount),
        ),
        ("a credit weighs as much", with(|r| r.vanished = weight(1, "-21")), Some(Hold::Amount)),
        (
            "no tolerance",
            with(|r| (r.threshold_percent, r.vanished) = (0, weight(1, "0"))),
            Some(Hold::Records),
        ),
        ("all, allowed", with(|r| (r.threshold_percent, r.vanished) = (100, weight(10, "100"))), None),
        ("a first retrieval", with(|r| r.former = Weight::default()), None),
        (
            "the first reason counts",
            with(|r| (r.is_complete, r.rejected) = (false, 3)),
            Some(Hold::Incomplete),
        ),
    ];
    for (case, retrieval, held) in table {
        assert_eq!(voids(&retrieval), held.map_or(Voids::Take, Voids::Hold), "{case}");
    }
}

#[test]
fn no_data_is_never_complete_and_empty() {
    let mut nothing = retrieval();
    (nothing.staged, nothing.vanished, nothing.threshold_percent) =
        (Weight::default(), weight(10, "100"), 100);
    assert_eq!(voids(&nothing), Voids::Hold(Hold::Empty));
    assert!(!raises_stage(&nothing.staged), "and shuts out no lower stage");
    assert!(raises_stage(&nothing.former));
}

#[test]
fn a_commit_is_admitted_by_this_table() {
    let at = |hour: u32, run| Seniority {
        as_of: instant(&format!("2026-09-30T{hour:02}:00:00Z")),
        run: RunId(run),
    };
    let stored = |last, stage| Stored { last, stage };
    let table = [
        ("the first", at(10, 5), 0, stored(None, None), None),
        ("a newer one", at(11, 6), 0, stored(Some(at(10, 5)), Some(0)), None),
        ("the same again", at(10, 5), 0, stored(Some(at(10, 5)), Some(0)), None),
        ("an older one", at(9, 6), 0, stored(Some(at(10, 5)), Some(0)), Some(Refusal::Older)),
        (
            "of two at one instant the later run",
            at(10, 4),
            0,
            stored(Some(at(10, 5)), None),
            Some(Refusal::Older),
        ),
        ("a lower stage", at(12, 7), 0, stored(None, Some(1)), Some(Refusal::LowerStage)),
        ("a higher stage", at(12, 7), 1, stored(None, Some(0)), None),
        ("the same stage", at(12, 7), 1, stored(Some(at(11, 6)), Some(1)), None),
    ];
    for (case, commit, stage, stored, refused) in table {
        assert_eq!(admit(commit, stage, stored).err(), refused, "{case}");
    }
}

#[test]
fn zero_is_suspicious_by_this_table() {
    let now = |staged: Weight| Retrieval { staged, ..retrieval() };
    let first = Retrieval { former: Weight::default(), ..retrieval() };
    let never = Retrieval { staged: Weight::default(), ..first.clone() };
    let table = [
        ("as before", retrieval(), 10, None),
        ("nothing where there was something", now(Weight::default()), 0, Some(Alarm::NoRecords)),
        ("never anything", never.clone(), 0, None),
        ("records and no Purchase", never, 5, Some(Alarm::NoPurchases)),
        ("a fifth less", now(weight(8, "80")), 8, None),
        ("fewer", now(weight(7, "100")), 7, Some(Alarm::Drop)),
        ("as many, for less", now(weight(10, "79")), 10, Some(Alarm::Drop)),
        ("more", now(weight(30, "900")), 30, None),
        ("the first time", first, 10, None),
    ];
    for (case, retrieval, records, expected) in table {
        assert_eq!(alarm(&retrieval, records), expected, "{case}");
    }
}

#[test]
fn every_hold_and_alarm_says_what_and_what_to_do_under_a_code_of_its_own() {
    use Hold::{Amount, Empty, FailedPage, Incomplete, Records, Rejected};
    let holds = [Incomplete, FailedPage, Rejected, Empty, Records, Amount];
    let holds = holds.map(|hold| (hold.code(), hold.what(), hold.remedy()));
    let alarms = [Alarm::NoRecords, Alarm::NoPurchases, Alarm::Drop];
    let alarms = alarms.map(|alarm| (alarm.code(), alarm.what(), alarm.remedy()));
    let all: Vec<_> = holds.into_iter().chain(alarms).collect();
    let codes: std::collections::BTreeSet<_> = all.iter().map(|(code, ..)| code).collect();
    assert_eq!(codes.len(), all.len());
    assert!(
        all.iter()
            .all(|(code, what, remedy)| code.starts_with("LED-") && !what.is_empty() && !remedy.is_empty())
    );
}
