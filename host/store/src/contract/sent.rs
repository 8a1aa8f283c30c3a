//! What runs sent.

use super::world::{account, ask, begin, finish, hour, partition};
use crate::runs::Completion;
use crate::sent::{KEPT_AT_EACH_END, Sent};
use crate::{Error, Store};

fn line(call: &str) -> Sent {
    Sent {
        at: hour(0),
        call: call.into(),
        method: "GET".into(),
        host: "api.example.net".into(),
        path: "/items".into(),
        status: Some(200),
        code: String::new(),
        bytes: 5_000_000_000,
        attempts: 2,
        millis: 150,
        request_id: "00000000-0000-0000-0000-000000000001".into(),
    }
}

pub async fn what_a_run_sent_is_told_in_order_and_of_that_run_only(store: &dyn Store) {
    let fence = begin(store, account(store, "contoso").await, hour(0)).await;
    let refused = Sent { status: None, code: "VND-NOT-GRANTED".into(), ..line("orders") };
    store.note_sent(fence, &[line("one"), refused.clone()]).await.unwrap();
    store.note_sent(fence, &[line("two")]).await.unwrap();
    let log = store.sent(fence.run).await.unwrap();
    assert_eq!(log.lines, [(1, line("one")), (2, refused), (3, line("two"))]);
    assert_eq!(log.total, 3);
    finish(store, fence).await;
    let late = store.note_sent(fence, &[line("late")]).await;
    assert!(matches!(late, Err(Error::Fenced)), "{late:?}");
    let other = begin(store, account(store, "fabrikam").await, hour(2)).await;
    assert_eq!(store.sent(other.run).await.unwrap().lines, []);
}

pub async fn a_request_is_noted_with_its_answer_or_not_at_all(store: &dyn Store) {
    let fence = begin(store, account(store, "contoso").await, hour(0)).await;
    let requests = ask(store, fence, &[&partition("p")]).await;
    let answer = Completion { request: requests[0], sent: Some(line("one")), ..Completion::default() };
    store.complete_requests(fence, vec![answer.clone()]).await.unwrap();
    assert_eq!(store.sent(fence.run).await.unwrap().lines, [(1, line("one"))]);
    let twice = store.complete_requests(fence, vec![answer]).await;
    assert!(twice.is_err(), "it was answered already");
    assert_eq!(store.sent(fence.run).await.unwrap().total, 1);
}

pub async fn of_a_long_run_the_first_and_the_last_requests_are_kept(store: &dyn Store) {
    let fence = begin(store, account(store, "contoso").await, hour(0)).await;
    let all = 2 * KEPT_AT_EACH_END + 500;
    let lines: Vec<Sent> = (1..=all).map(|number| line(&number.to_string())).collect();
    for group in lines.chunks(700) {
        store.note_sent(fence, group).await.unwrap();
    }
    let log = store.sent(fence.run).await.unwrap();
    assert_eq!(log.total, all);
    let numbers: Vec<u64> = log.lines.iter().map(|(number, _)| *number).collect();
    let expected: Vec<u64> = (1..=KEPT_AT_EACH_END).chain(all - KEPT_AT_EACH_END + 1..=all).collect();
    assert_eq!(numbers, expected);
    assert!(log.lines.iter().all(|(number, line)| line.call == number.to_string()));
}
