//! Backup and restore with the real binary: what comes back is what was there, whoever serves meanwhile, and what is not a
//! backup puts nothing back.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use purser_simulator::{Config, Faults};
use purser_store::accounts::ConsentState;
use purser_store::{Accounts as _, HandOvers as _};
use purser_store_sqlite::SqliteStore;

use crate::journey::Journey;
use crate::support::{stderr, stdout};
use crate::world::{Data, World};

fn world() -> World {
    World::new(Config { customers: 2, records: 4, rated_records: 4, ..Config::default() })
}

fn backup(world: &World, data: &Data, out: &Path) -> Output {
    world.purser(data).args(["backup", "--out", out.to_str().unwrap()]).output().unwrap()
}

fn restore(world: &World, data: &Data, from: &Path) -> Output {
    world.purser(data).args(["restore", from.to_str().unwrap()]).output().unwrap()
}

fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    stdout(output)
}

#[test]
fn a_backup_put_back_with_its_key_is_the_same_books_and_goes_on() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let data = world.data();
    ok(&world.purser(&data).args(["run", "1"]).output().unwrap());
    let out = folder.path().join("purser.backup");
    let told = ok(&backup(&world, &data, &out));
    assert!(told.contains("The keys are not in it") && told.contains("version 1"), "{told}");
    let again = world.empty_data();
    let told = ok(&restore(&world, &again, &out));
    assert!(told.contains("Everybody is signed out"), "{told}");
    assert_eq!(world.export(&again), world.export(&data));
    // Without the key it refuses to start, and with it the consent works on.
    let refused = world.purser(&again).args(["run", "1"]).output().unwrap();
    assert!(!refused.status.success() && stderr(&refused).contains("KEY-"), "{}", stderr(&refused));
    std::fs::copy(data.path().join("purser.key"), again.path().join("purser.key")).unwrap();
    ok(&world.purser(&again).args(["run", "1"]).output().unwrap());
}

#[test]
fn a_backup_is_taken_while_a_server_serves_and_signs_everybody_out() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let settings = journey.open("/connectors/microsoft-csp/settings");
    journey.press(&settings, "/hand-overs");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("purser.backup");
    ok(&backup(&journey.world, &journey.data, &out));
    assert_eq!(journey.open("/").status, 200, "the server serves on");
    let again = journey.world.empty_data();
    ok(&restore(&journey.world, &again, &out));
    journey.world.runtime.block_on(async {
        let store = SqliteStore::open(again.path().join("purser.db")).await.unwrap();
        assert_eq!(store.accounts().await.unwrap()[0].state, ConsentState::Active);
        let handed = store.hand_over(1).await.unwrap();
        assert!(
            !handed.is_open(handed.made.made_at),
            "a link that may have been answered since is open again"
        );
        let values = store.every_value().await.unwrap();
        assert!(values.iter().all(|(place, _)| !place.starts_with("sessions")), "a session came back");
        assert!(values.iter().any(|(place, _)| place.starts_with("grants")), "{} values", values.len());
    });
}

#[cfg(unix)]
#[test]
fn a_backup_is_for_its_owners_eyes_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let data = world.data();
    let out = folder.path().join("purser.backup");
    ok(&backup(&world, &data, &out));
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["purser.backup"], "nothing else is left behind");
    let bytes = std::fs::read(&out).unwrap();
    let key = std::fs::read(data.path().join("purser.key")).unwrap();
    assert!(!bytes.windows(32).any(|window| key.windows(32).next() == Some(window)), "the key is in it");
}

#[test]
fn what_is_no_whole_backup_puts_nothing_back_and_what_is_there_is_never_overwritten() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let data = world.data();
    let good = folder.path().join("purser.backup");
    ok(&backup(&world, &data, &good));
    let bytes = std::fs::read(&good).unwrap();
    let text = br#""format": 1"#;
    let format = bytes.windows(text.len()).position(|window| window == text).unwrap();
    let changed = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    for (what, bytes, code) in [
        ("cut off", bytes[..bytes.len() / 2].to_vec(), "BAK-DAMAGED"),
        ("a byte of the database", changed(bytes.len() / 2, bytes[bytes.len() / 2] ^ 1), "BAK-DAMAGED"),
        ("a newer format", changed(format + text.len() - 1, b'9'), "BAK-NEWER"),
        ("something else", b"no backup at all".to_vec(), "BAK-FILE"),
        ("nothing", Vec::new(), "BAK-FILE"),
        ("an entry that climbs out", climbing(&bytes), "BAK-DAMAGED"),
    ] {
        let file = folder.path().join("changed");
        std::fs::write(&file, bytes).unwrap();
        let empty = world.empty_data();
        let refused = restore(&world, &empty, &file);
        assert!(!refused.status.success() && stderr(&refused).contains(code), "{what}: {}", stderr(&refused));
        assert!(!empty.path().join("purser.db").exists(), "{what}");
        assert!(!folder.path().join("climbed").exists(), "{what}");
    }
    let before = world.export(&data);
    let refused = restore(&world, &data, &good);
    assert!(!refused.status.success() && stderr(&refused).contains("BAK-NOT-EMPTY"), "{}", stderr(&refused));
    assert_eq!(world.export(&data), before);
    let nowhere = backup(&world, &data, &folder.path().join("no/such/folder/it"));
    assert!(!nowhere.status.success() && stderr(&nowhere).contains("BAK-OUT"), "{}", stderr(&nowhere));
}

/// The list, and then an entry whose name leaves the folder.
fn climbing(good: &[u8]) -> Vec<u8> {
    let mut archive = tar::Archive::new(good);
    let mut list = archive.entries().unwrap().next().unwrap().unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut list, &mut text).unwrap();
    let text = text.replace("\"purser.db\"", "\"../climbed\"");
    let mut bad = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    bad.append_data(&mut header, "purser-backup.json", text.as_bytes()).unwrap();
    let mut header = tar::Header::new_gnu();
    let name = b"../climbed";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_size(4);
    header.set_cksum();
    let mut bytes = bad.into_inner().unwrap();
    bytes.truncate(bytes.len() - 1024);
    bytes.write_all(header.as_bytes()).unwrap();
    bytes.write_all(&[b'x'; 512]).unwrap();
    bytes.write_all(&[0; 1024]).unwrap();
    bytes
}
