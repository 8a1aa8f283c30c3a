//! What is asked, and what answers mean.

use purser_focus_csv::FocusCsv;
use purser_plugin_sdk::Connector;
use purser_plugin_sdk::crawl::{Incompleteness, Request, Target};
use purser_plugin_sdk::types::Problem;

use crate::support::{answer, run};

const SOURCE: &str = "focus-billed-cost";

fn start(settings: &str) -> Vec<Request> {
    FocusCsv::start(&run(SOURCE, settings), "billed-cost", &[]).unwrap().requests
}

fn path(request: &Request) -> String {
    let Target::Call(call) = &request.target else { panic!("{request:?}") };
    assert_eq!(call.name, format!("file-{}", call.path.len()));
    let listed = FocusCsv::describe().calls.into_iter().find(|listed| listed.name == call.name).unwrap();
    let fill = |path: String, (at, pair): (usize, &purser_plugin_sdk::types::Pair)| {
        assert_eq!(pair.name, format!("s{}", at + 1));
        path.replace(&format!("{{{}}}", pair.name), &pair.value)
    };
    call.path.iter().enumerate().fold(listed.path, fill)
}

#[test]
fn a_daily_run_asks_for_this_month_and_the_last_each_a_partition() {
    let requests = start(r#"{"files":["focus/{month}/a.csv","focus/{month}/b.csv"]}"#);
    let asked: Vec<_> = requests.iter().map(|r| (path(r), r.partition.clone().unwrap().key)).collect();
    let expected = [("2026-10", "a"), ("2026-10", "b"), ("2026-11", "a"), ("2026-11", "b")]
        .map(|(month, file)| (format!("/focus/{month}/{file}.csv"), month.to_owned()));
    assert_eq!(asked, expected);
    assert!(requests.iter().all(|request| request.partition.as_ref().unwrap().month.len() == 7));
}

#[test]
fn parts_are_read_until_there_is_no_more() {
    let settings = r#"{"files":["{month}-{part5}.csv.gz"],"months_back":0}"#;
    let context = run(SOURCE, settings);
    let first = start(settings).remove(0);
    let next = |request: &Request, status, kept| {
        FocusCsv::next(&context, "billed-cost", request, &answer(status, kept)).unwrap()
    };
    let mut step = next(&first, 200, 3);
    let second = step.requests.remove(0);
    assert_eq!(
        (path(&second), second.partition.clone()),
        ("/2026-11-00002.csv.gz".into(), first.partition.clone())
    );
    let end = next(&second, 404, 0);
    assert_eq!((end.requests, end.incomplete), (vec![], None), "the month is complete");
    let none = next(&first, 404, 0);
    assert!(matches!(none.incomplete, Some(Incompleteness::Nothing(_))), "there was no first one");
}

#[test]
fn an_answer_is_complete_nothing_later_or_broken() {
    let request = start("").remove(1);
    let next =
        |status, kept| FocusCsv::next(&run(SOURCE, ""), "billed-cost", &request, &answer(status, kept));
    let whole = next(200, 2).unwrap();
    assert_eq!((whole.requests.len(), whole.incomplete), (0, None));
    for (status, kept, code) in [(200, 0, "FCS-100"), (404, 0, "FCS-404"), (410, 0, "FCS-404")] {
        let Some(Incompleteness::Nothing(what)) = next(status, kept).unwrap().incomplete else {
            panic!("{status}")
        };
        assert!(what.starts_with(code) && what.contains("2026-11"), "{what}");
    }
    for status in [301, 400, 403, 501] {
        let Some(Incompleteness::Broken(what)) = next(status, 0).unwrap().incomplete else {
            panic!("{status}")
        };
        assert!(what.starts_with(&format!("FCS-{status}")), "{what}");
    }
    for status in [429, 500, 502, 503, 504] {
        assert!(matches!(next(status, 0), Err(Problem::RetryLater(_))), "{status}");
    }
    assert!(matches!(next(401, 0), Err(Problem::NeedsConsent(_))));
}

#[test]
fn settings_without_a_usable_path_are_refused_before_anything_is_asked() {
    for (settings, code) in
        [(r#"{"files":[]}"#, "FCS-002"), (r#"{"files":["all.csv"]}"#, "FCS-002"), ("[]", "FCS-001")]
    {
        let Err(Problem::Reject(reason)) = FocusCsv::start(&run(SOURCE, settings), "billed-cost", &[]) else {
            panic!("{settings}")
        };
        assert!(reason.starts_with(code), "{reason}");
    }
    let other = FocusCsv::start(&run("focus-effective-cost", ""), "billed-cost", &[]);
    assert!(matches!(other, Err(Problem::Bug(_))), "a source has one feed");
}
