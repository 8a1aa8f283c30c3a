//! `purser account …`: accounts of connectors. Those that ask for no consent are added here, as in the web UI.
//!
//! A secret is never given on a command line, where others on the machine would see it: a file or standard input brings it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use purser_domain::{AccountId, ConnectorId};
use purser_store::Accounts as _;
use purser_store::accounts::ConsentState;
use purser_vendor::Secret;
use purser_web::{ConnectorView, NewAccount, Problem};
use zeroize::Zeroizing;

use super::{COMMAND_LINE, DataArgs};
use crate::data::DataDir;
use crate::failure::Failure;
use crate::say::say;
use crate::wiring::{self, Purser};

/// A file that is longer holds no secret.
const LONGEST_FILE: u64 = 64 * 1024;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an account of a connector that asks for no consent, and print its number.
    Add(Add),
    /// List accounts: number, connector, where, name, how it stands.
    List(DataArgs),
    /// Store another secret in place of an account's own.
    ChangeSecret(ChangeSecret),
}

/// Which account.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Id of the connector, such as focus-csv.
    connector: ConnectorId,
    /// What to call the account.
    #[arg(long)]
    name: String,
    /// Which of the connector's clouds; unless given, its first.
    #[arg(long)]
    cloud: Option<String>,
    /// File with the vendor's secret, `-` for standard input; not for connectors that read without one.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

/// Of which account.
#[derive(Debug, clap::Args)]
pub struct ChangeSecret {
    /// The account's number.
    account: AccountId,
    /// File with the vendor's secret, `-` for standard input.
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(args) => add(args).await?,
        Command::List(data) => list(&data).await?,
        Command::ChangeSecret(args) => change(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(args: Add) -> anyhow::Result<()> {
    let secret = args.secret_file.as_deref().map(secret_in).transpose()?;
    let purser = open(&args.data).await?;
    let connector = connector(&purser, &args.connector)?;
    let first = connector.clouds.first().map(|cloud| cloud.id.clone()).unwrap_or_default();
    let cloud = args.cloud.unwrap_or(first);
    let new = NewAccount { connector: &connector.id, cloud: &cloud, name: &args.name, secret };
    let account = purser.acts().add_account(new, COMMAND_LINE).await.map_err(Failure::from)?;
    say!("{account}");
    eprintln!("the account is connected; retrieve for it with: purser run {account}");
    Ok(())
}

async fn change(args: ChangeSecret) -> anyhow::Result<()> {
    let secret = secret_in(&args.secret_file)?;
    let purser = open(&args.data).await?;
    purser.acts().change_secret(args.account, secret, COMMAND_LINE).await.map_err(Failure::from)?;
    say!("the new secret of account {} is stored; the next run uses it", args.account);
    Ok(())
}

async fn list(data: &DataArgs) -> anyhow::Result<()> {
    let store = wiring::open_store(data).await?;
    for account in store.accounts().await.map_err(Failure::from)? {
        let state = word(&account.state);
        say!("{}\t{}\t{}\t{}\t{state}", account.id, account.connector, account.cloud, account.title);
    }
    Ok(())
}

/// Beside a server, too: it reads each secret when it is needed.
async fn open(data: &DataArgs) -> anyhow::Result<Purser> {
    let config = wiring::config(data)?;
    let folder = DataDir::open(&config.data)?;
    Purser::open(&config, &folder, Arc::new(wiring::now)).await
}

fn connector(purser: &Purser, id: &ConnectorId) -> Result<ConnectorView, Failure> {
    let all = purser.acts().connectors();
    let ids: Vec<&str> = all.iter().map(|connector| connector.id.as_str()).collect();
    let remedy = format!("choose one of: {}", ids.join(", "));
    let unknown = Failure::input("CLI-CONNECTOR", "there is no such connector", remedy);
    all.into_iter().find(|connector| connector.id == *id).ok_or(unknown)
}

/// Reads a secret; the line break at the end of a file is not part of it.
fn secret_in(file: &Path) -> anyhow::Result<Secret> {
    let unreadable = |error: std::io::Error| {
        let what = format!("the file with the secret cannot be read: {error}");
        Failure::input("CLI-SECRET", what, "name a file that can be read, or - for standard input")
    };
    let mut text = Zeroizing::new(String::new());
    match file.to_str() {
        Some("-") => std::io::stdin().lock().take(LONGEST_FILE).read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text)),
    }
    .map_err(unreadable)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let secret = Secret::entered(line.strip_suffix('\r').unwrap_or(line).to_owned());
    Ok(secret.map_err(|fault| Failure::from(Problem::from(fault)))?)
}

fn word(state: &ConsentState) -> &'static str {
    match state {
        ConsentState::Verifying => "verifying",
        ConsentState::Active => "active",
        ConsentState::Degraded(_) => "degraded",
        ConsentState::NeedsConsent(_) => "needs consent or a new secret",
        ConsentState::OperatorFault(_) => "operator fault",
        ConsentState::Paused => "paused",
        ConsentState::Disconnected => "disconnected",
    }
}
