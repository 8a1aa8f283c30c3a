//! Hostile guests: each attack ends in its own error, and the next call works.

use crate::support::{hostile, page, run};
use purser_runtime::contract::types::{Fact, Problem};
use purser_runtime::{CallError, Limits, Plugin};

const PAGE: &[u8] = b"1.10\n2.20\n";

/// Little of everything, so that attacks end soon. A small page has half of memory and output.
fn tight() -> Limits {
    Limits { memory_bytes: 64 << 20, deadline_base_ms: 300, output_bytes: 8 << 20, ..Limits::default() }
}

fn attack(plugin: &Plugin, feed: &str) -> CallError {
    plugin.map(&page(feed), PAGE, 2).unwrap_err()
}

fn assert_works(plugin: &Plugin) {
    let mapped = plugin.map(&page("mirror"), PAGE, 2).unwrap();
    assert_eq!(mapped.purchases.len(), 2);
    assert_eq!(mapped.purchases[1].cost.as_ref().unwrap().canonical(), "2.2");
}

#[test]
fn an_endless_loop_is_stopped_at_its_deadline() {
    let plugin = hostile(tight());
    let CallError::Deadline { used_ms, limit_ms } = attack(&plugin, "loop") else { panic!("no deadline") };
    assert_eq!(limit_ms, 300);
    assert!((300..3_000).contains(&used_ms), "{used_ms} ms");
    assert_works(&plugin);
}

#[test]
fn a_deadline_grows_with_room() {
    let plugin = hostile(tight()).with_room(2);
    let CallError::Deadline { used_ms, limit_ms } = attack(&plugin, "loop") else { panic!("no deadline") };
    assert_eq!(limit_ms, 600);
    assert!(used_ms >= 600, "{used_ms} ms");
}

#[test]
fn a_memory_bomb_is_told_as_memory_and_not_as_a_crash() {
    let plugin = hostile(Limits { deadline_base_ms: 20_000, ..tight() });
    let CallError::Memory { wanted_bytes, limit_bytes } = attack(&plugin, "bomb") else {
        panic!("no memory stop")
    };
    assert_eq!(limit_bytes, 32 << 20);
    assert!(wanted_bytes > limit_bytes);
    let CallError::Memory { limit_bytes, .. } = attack(&plugin.with_room(2), "bomb") else {
        panic!("no memory stop")
    };
    assert_eq!(limit_bytes, 64 << 20);
    assert_works(&plugin);
}

#[test]
fn an_answer_that_is_too_large_is_refused() {
    let plugin = hostile(Limits { memory_bytes: 512 << 20, deadline_base_ms: 20_000, ..tight() });
    assert_eq!(attack(&plugin, "huge"), CallError::OutputTooLarge { limit_bytes: 4 << 20 });
    assert_works(&plugin);
}

#[test]
fn a_crash_is_told_as_a_crash_and_again_the_same() {
    let plugin = hostile(tight());
    let error = attack(&plugin, "trap");
    let CallError::Trap { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.starts_with("wasm `unreachable` instruction executed"), "{reason}");
    assert!(error.is_deterministic_trap());
    assert_eq!(attack(&plugin, "trap"), error);
    assert_works(&plugin);
}

#[test]
fn endless_recursion_is_a_crash() {
    let plugin = hostile(Limits { deadline_base_ms: 20_000, ..tight() });
    let error = attack(&plugin, "stack");
    assert!(error.is_deterministic_trap(), "{error}");
    assert_works(&plugin);
}

#[test]
fn columns_that_break_the_contract_are_refused_whole() {
    let plugin = hostile(tight());
    let refused = |feed: &str| match attack(&plugin, feed) {
        CallError::Contract(text) => text,
        other => panic!("{other}"),
    };
    assert_eq!(refused("counts"), "2 counts too many");
    assert_eq!(refused("nul"), "1 strings more than the counts say");
    assert_eq!(refused("latin1"), "the text is not UTF-8");
    assert_eq!(refused("twice"), "record 1 stands in two places");
    let fewer = plugin.map(&page("mirror"), PAGE, 3).unwrap_err();
    assert_eq!(fewer, CallError::Contract("record 2 stands in no place".into()));
    let more = plugin.map(&page("mirror"), PAGE, 1).unwrap_err();
    assert_eq!(more, CallError::Contract("it names record 1 of a page with 1 records".into()));
    assert_works(&plugin);
}

#[test]
fn a_malformed_amount_rejects_one_record_and_keeps_the_others() {
    let mapped = hostile(tight()).map(&page("mirror"), b"1\nlots\n3\n", 3).unwrap();
    assert_eq!(mapped.purchases.iter().map(|p| p.records[0]).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(mapped.rejected, [(1, "the plugin gave the cost \"lots\", not a decimal number".to_owned())]);
}

#[test]
fn problems_are_passed_on() {
    let plugin = hostile(tight());
    assert_eq!(attack(&plugin, "reject"), CallError::Problem(Problem::Reject("this is no page".into())));
    let patience = plugin.start(&run(), "patience", &[]).unwrap_err();
    assert_eq!(patience, CallError::Problem(Problem::RetryLater(30)));
}

#[test]
fn facts_cross_and_must_be_json() {
    let plugin = hostile(tight());
    let fact = Fact { kind: "customer".into(), key: "c-1".into(), value: "[]".into() };
    let step = plugin.start(&run(), "lines", std::slice::from_ref(&fact)).unwrap();
    assert_eq!(step.facts, [Fact { value: "{}".into(), ..fact.clone() }]);
    let error = plugin.start(&run(), "bad-fact", &[fact]).unwrap_err();
    assert_eq!(error, CallError::Contract("the value of a fact of kind \"customer\" is not JSON".into()));
}

#[test]
fn a_text_with_a_malformed_rate_is_rejected_alone() {
    let products = hostile(tight()).products(&page("texts"), b"", 2).unwrap();
    assert_eq!(products.answered, "nl-NL");
    assert_eq!(products.texts.iter().map(|text| text.key.as_str()).collect::<Vec<_>>(), ["sound"]);
    assert_eq!(products.rejected[0].reason, "the plugin gave the number \"free\", not a decimal");
}

#[test]
fn nothing_is_remembered_from_one_call_to_the_next() {
    let plugin = hostile(tight());
    for _ in 0..3 {
        let mapped = plugin.map(&page("calls"), PAGE, 2).unwrap();
        assert_eq!(mapped.ignored, [("0".to_owned(), vec![0, 1])]);
    }
}

#[test]
fn more_calls_than_places_wait_and_none_is_refused() {
    let plugin = hostile(Limits { pool_instances: 2, ..tight() });
    std::thread::scope(|scope| {
        // Loops hold their places until the deadline, so the later ones have to wait.
        let calls: Vec<_> = (0..6).map(|_| scope.spawn(|| attack(&plugin, "loop"))).collect();
        for call in calls {
            let error = call.join().unwrap();
            assert!(matches!(error, CallError::Deadline { .. }), "{error}");
        }
    });
}

#[test]
fn use_is_told() {
    let usage = hostile(tight()).map(&page("mirror"), PAGE, 2).unwrap().usage;
    assert!(usage.memory_peak_bytes >= 1 << 16);
    assert!(usage.output_bytes > 100);
    assert!(!usage.elapsed.is_zero());
}

#[test]
fn a_plugin_outlives_the_sandbox_it_came_from() {
    let plugin = {
        let sandbox = crate::support::sandbox(tight());
        sandbox.admit(&crate::support::guest("hostile", None)).unwrap()
    };
    assert!(matches!(attack(&plugin, "loop"), CallError::Deadline { .. }));
    assert_works(&plugin);
}
