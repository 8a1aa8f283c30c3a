//! What is erased is gone from the files, not only from the tables.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use jiff::Timestamp;
use purser_domain::{AccountId, ConnectorId};
use purser_store::accounts::{Flow, Grant};
use purser_store::hand_overs::{Answer, Ending, NewHandOver, PendingGrant};
use purser_store::{Accounts as _, HandOvers as _};
use purser_store_sqlite::SqliteStore;

const ACCOUNTS: u32 = 12;
const WRITES: u64 = 6;

/// Long, of changing length, and like no other: whose it is and which write it was stands in every 16 bytes.
fn sealed(account: u32, write: u64) -> Vec<u8> {
    let blocks = 80 + (write * 17 + u64::from(account) * 5) % 60;
    (0..blocks).flat_map(|block| format!("~{account:04}{write:04}{block:06}~").into_bytes()).collect()
}

fn grant(account: u32, write: u64) -> Grant {
    Grant {
        sealed: sealed(account, write),
        key_version: 1,
        user_name: "ann@contoso.example".into(),
        user_id: "7".into(),
        roles: None,
        consented_at: Timestamp::UNIX_EPOCH,
        refreshed_at: Timestamp::UNIX_EPOCH,
        version: write,
    }
}

/// How often any piece of what was ever sealed for an account is in any file.
fn pieces(folder: &Path, account: u32) -> usize {
    let mark = format!("~{account:04}").into_bytes();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.map(|bytes| bytes.windows(mark.len()).filter(|window| *window == mark).count()).sum()
}

#[tokio::test]
async fn after_a_disconnect_nothing_that_was_ever_sealed_is_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
    let connector = "sample".parse().unwrap();
    for number in 1..=ACCOUNTS {
        let tenant = format!("tenant-{number}");
        store.connect_account(&connector, "global", &tenant, "Test", Timestamp::UNIX_EPOCH).await.unwrap();
    }
    for write in 1..=WRITES {
        for number in 1..=ACCOUNTS {
            let former = (write > 1).then(|| write - 1);
            store.put_grant(AccountId(number), former, &grant(number, write)).await.unwrap();
        }
    }
    for number in [3, 7, 12] {
        assert!(pieces(folder.path(), number) > 50, "the search finds what is there");
        assert!(store.grant(AccountId(number)).await.unwrap().is_some());
        store.erase_grant(AccountId(number)).await.unwrap();
        assert_eq!(pieces(folder.path(), number), 0, "account {number}");
    }
    // The others' newest are whole, and nothing of their former ones is left.
    for number in [1, 2, 4, 11] {
        let stored = store.grant(AccountId(number)).await.unwrap().unwrap();
        assert_eq!(stored, grant(number, WRITES));
        assert_eq!(pieces(folder.path(), number), stored.sealed.len() / 16);
    }
}

#[tokio::test]
async fn a_consent_flow_that_is_over_leaves_nothing_in_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
    let (now, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(600).unwrap());
    let handle = |number: u8| [number; 32];
    for number in 1..=3 {
        let (handle_hash, sealed) = (handle(number), sealed(number.into(), 1));
        store
            .put_flow(&Flow { handle_hash, session_hash: [0; 32], sealed, expires_at: later }, now)
            .await
            .unwrap();
    }
    store.take_flow(&handle(2), now).await.unwrap().unwrap();
    store.close().await;
    assert_eq!(pieces(folder.path(), 2), 0);
    assert!(pieces(folder.path(), 1) > 50 && pieces(folder.path(), 3) > 50);
}

#[tokio::test]
async fn a_grant_kept_aside_leaves_nothing_however_its_hand_over_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
    let connector: ConnectorId = "sample".parse().unwrap();
    let (now, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(600).unwrap());
    let mut ids = Vec::new();
    for number in 1..=4_u8 {
        let tenant = format!("tenant-{number}");
        let account = store.connect_account(&connector, "global", &tenant, "Test", now).await.unwrap().id;
        let made = NewHandOver {
            connector: connector.clone(),
            cloud: "global".into(),
            account: None,
            made_by: "olaf".into(),
            made_at: now,
            expires_at: later,
        };
        let id = store.add_hand_over(&[number; 32], &made).await.unwrap();
        let answer = Answer {
            account,
            tenant,
            user_name: "ann@contoso.example".into(),
            user_id: "7".into(),
            roles: None,
            consented_at: now,
            answered_at: now,
            probes: Vec::new(),
            shortcoming: None,
        };
        for write in [1, 2] {
            let pending = PendingGrant { sealed: sealed(number.into(), write), key_version: 1 };
            match write {
                1 => {
                    let decide_by = if number == 3 { later } else { Timestamp::MAX };
                    store.answer_hand_over(id, &answer, &pending, decide_by).await.unwrap();
                }
                _ => store.note_trial(id, &answer, &pending).await.unwrap(),
            }
        }
        ids.push(id);
    }
    store.end_hand_over(ids[0], Ending::Rejected, "olaf", now).await.unwrap();
    store.end_hand_over(ids[1], Ending::Withdrawn, "olaf", now).await.unwrap();
    assert_eq!(store.expire_hand_overs(later).await.unwrap().len(), 1);
    for number in 1..=3 {
        assert_eq!(pieces(folder.path(), number), 0, "{number}");
    }
    assert_eq!(pieces(folder.path(), 4), sealed(4, 2).len() / 16, "the one that waits is whole");
}
