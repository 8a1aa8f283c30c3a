//! `purser backup` and `purser restore`: everything but the keys in one file, taken while a server serves.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use purser_store::people::AuditEntry;
use purser_store::{Keys as _, People as _};
use purser_store_sqlite::SqliteStore;
use serde_json::json;

use super::DataArgs;
use crate::backup::{self, Contents, DATABASE};
use crate::data::DataDir;
use crate::failure::Failure;
use crate::say::say;
use crate::wiring;

/// Where it goes.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// The file that is made.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

/// What is put back, and where.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// A file of `purser backup`.
    backup: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

/// Makes a backup.
pub async fn backup(args: BackupArgs) -> anyhow::Result<ExitCode> {
    let store = wiring::open_store(&args.data).await?;
    let data = DataDir::open(&wiring::config(&args.data)?.data)?;
    // Written down first, so that the backup tells of itself.
    audit(&store, "backup.made", json!({ "before": null, "after": { "file": name(&args.out) } })).await?;
    let room = room_beside(&args.out)?;
    let copy = room.path().join(DATABASE);
    store.copy_to(&copy).await.map_err(Failure::from)?;
    let keys = needed_keys(&copy).await?;
    let mut files = vec![(DATABASE.to_owned(), copy)];
    files.extend(backup::plugins(&data.plugins())?);
    let contents = Contents::list(&files, wiring::now(), keys)?;
    backup::write(&args.out, &contents, &files)?;
    say!("{} bytes, {} plugin versions", contents.bytes(), files.len() - 1);
    say!("{}", about_keys(&contents));
    Ok(ExitCode::SUCCESS)
}

/// Puts one back.
pub async fn restore(args: RestoreArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::open(&wiring::config(&args.data)?.data)?;
    if data.database().exists() {
        let remedy = "name an empty directory with --data; what is there stays as it is";
        return Err(
            Failure::input("BAK-NOT-EMPTY", "there is a database in the data directory", remedy).into()
        );
    }
    let room = room_beside(&data.database())?;
    let contents = backup::unpack(&args.backup, room.path())?;
    settle(room.path(), &data).await?;
    say!("put back as it was on {}, of Purser {}", contents.made_at.strftime("%F %T UTC"), contents.purser);
    say!("{}", about_keys(&contents));
    say!(
        "Everybody is signed out. Who was removed, and which API token was revoked, since then is back: see to both."
    );
    Ok(ExitCode::SUCCESS)
}

/// The database is looked through and comes last: without it the directory is still an empty one.
async fn settle(part: &Path, data: &DataDir) -> anyhow::Result<()> {
    let store = SqliteStore::open(part.join(DATABASE)).await.map_err(Failure::from)?;
    let wrong = store.integrity_check().await.map_err(Failure::from)?;
    if !wrong.is_empty() {
        let remedy = "take another backup";
        return Err(Failure::new("BAK-DAMAGED", "the database in the backup is damaged", remedy).into());
    }
    store.end_everything_under_way().await.map_err(Failure::from)?;
    audit(&store, "backup.restored", json!({ "before": null, "after": null })).await?;
    store.close().await;
    for entry in std::fs::read_dir(part.join("plugins"))? {
        let entry = entry?;
        std::fs::rename(entry.path(), data.plugins().join(entry.file_name()))?;
    }
    Ok(std::fs::rename(part.join(DATABASE), data.database())?)
}

/// A folder for what is under way, on the same disk; gone again at the end.
fn room_beside(file: &Path) -> anyhow::Result<tempfile::TempDir> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".purser-").tempdir_in(folder).map_err(|error| {
        let what = format!("nothing can be written there: {error}");
        Failure::new("BAK-OUT", what, "name a place that may be written, where there is room").into()
    })
}

/// Versions of the keys by which something is sealed in a copy.
async fn needed_keys(copy: &Path) -> anyhow::Result<Vec<u32>> {
    let store = SqliteStore::open(copy).await.map_err(Failure::from)?;
    let grants = store.sealed_grants().await.map_err(Failure::from)?;
    store.close().await;
    let mut versions: Vec<u32> = grants.iter().map(|grant| grant.key_version).collect();
    versions.sort_unstable();
    versions.dedup();
    Ok(versions)
}

fn about_keys(contents: &Contents) -> String {
    let versions: Vec<String> = contents.keys.iter().map(ToString::to_string).collect();
    match versions.as_slice() {
        [] => "No consent is in it, so it needs no key.".to_owned(),
        versions => format!(
            "The keys are not in it: its consents open with version {} only. Keep that key, apart from the backup.",
            versions.join(" and ")
        ),
    }
}

async fn audit(store: &SqliteStore, what: &str, detail: serde_json::Value) -> anyhow::Result<()> {
    let (at, who) = (wiring::now(), super::COMMAND_LINE.to_owned());
    let entry = AuditEntry { at, who, what: what.to_owned(), detail };
    Ok(store.audit(&entry).await.map_err(Failure::from)?)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
