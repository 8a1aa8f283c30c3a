//! Claims about notices.

use super::world::{account, hour};
use crate::notices::{Acknowledged, Concern, Level, Subject};
use crate::{Error, Store};

fn concern(subject: Subject, stage: u32) -> Concern {
    Concern {
        subject,
        code: "CON-1".into(),
        level: Level::Warn,
        what: format!("what of {stage}"),
        remedy: format!("remedy of {stage}"),
        stage,
    }
}

pub async fn a_subject_has_one_open_notice(store: &dyn Store) {
    let contoso = account(store, "contoso").await;
    let fabrikam = account(store, "fabrikam").await;
    let idle = concern(Subject::Idle, 1);
    let raised = store.raise_notice(contoso, &idle, hour(1)).await.unwrap();
    assert_eq!((raised.account, &raised.concern, raised.raised_at), (contoso, &idle, hour(1)));
    assert_eq!((raised.told_at, raised.acknowledged.clone(), raised.resolved_at), (hour(1), None, None));
    let again = store.raise_notice(contoso, &idle, hour(2)).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let broken = Concern { level: Level::Error, ..concern(Subject::Consent, 0) };
    let other = store.raise_notice(contoso, &broken, hour(2)).await.unwrap();
    let theirs = store.raise_notice(fabrikam, &idle, hour(3)).await.unwrap();
    assert_eq!(store.open_notices(Some(contoso)).await.unwrap(), [other.clone(), raised.clone()]);
    assert_eq!(
        store.open_notices(None).await.unwrap(),
        [other, theirs, raised],
        "the worse first, then the newer"
    );
}

pub async fn a_reminder_has_new_words_and_takes_the_acknowledgement_back(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let raised = store.raise_notice(account, &concern(Subject::Idle, 1), hour(1)).await.unwrap();
    let seen = store.acknowledge_notice(account, raised.id, "ann", hour(2)).await.unwrap();
    assert_eq!(seen.acknowledged, Some(Acknowledged { by: "ann".into(), at: hour(2) }));
    let twice = store.acknowledge_notice(account, raised.id, "bob", hour(3)).await;
    assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");
    let later = Concern { level: Level::Error, ..concern(Subject::Idle, 2) };
    let reminded = store.remind_of_notice(account, &later, hour(4)).await.unwrap();
    assert_eq!((reminded.id, &reminded.concern, reminded.acknowledged.as_ref()), (raised.id, &later, None));
    assert_eq!((reminded.raised_at, reminded.told_at), (hour(1), hour(4)));
    assert_eq!(store.open_notices(None).await.unwrap(), [reminded]);
}

pub async fn a_notice_that_ended_is_told_apart_and_changes_no_more(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let first = store.raise_notice(account, &concern(Subject::Idle, 1), hour(1)).await.unwrap();
    let ended = store.resolve_notice(account, Subject::Idle, hour(2)).await.unwrap();
    assert_eq!((ended.id, ended.resolved_at), (first.id, Some(hour(2))));
    for late in [
        store.resolve_notice(account, Subject::Idle, hour(3)).await,
        store.remind_of_notice(account, &concern(Subject::Idle, 2), hour(3)).await,
        store.acknowledge_notice(account, first.id, "ann", hour(3)).await,
    ] {
        assert!(matches!(late, Err(Error::NotFound(_))), "{late:?}");
    }
    let second = store.raise_notice(account, &concern(Subject::Idle, 1), hour(4)).await.unwrap();
    assert_ne!(second.id, first.id);
    let later = store.resolve_notice(account, Subject::Idle, hour(5)).await.unwrap();
    assert_eq!(store.resolved_notices(account, 9).await.unwrap(), [later.clone(), ended]);
    assert_eq!(store.resolved_notices(account, 1).await.unwrap(), [later]);
    assert_eq!(store.open_notices(None).await.unwrap(), []);
}

pub async fn a_notice_of_another_account_is_not_acknowledged(store: &dyn Store) {
    let contoso = account(store, "contoso").await;
    let fabrikam = account(store, "fabrikam").await;
    let raised = store.raise_notice(contoso, &concern(Subject::Idle, 1), hour(1)).await.unwrap();
    let foreign = store.acknowledge_notice(fabrikam, raised.id, "ann", hour(2)).await;
    assert!(matches!(foreign, Err(Error::NotFound(_))), "{foreign:?}");
    assert_eq!(store.open_notices(None).await.unwrap(), [raised]);
}
