//! `purser token …`: API tokens for programs.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use jiff::SignedDuration;
use purser_store::access::{Access as _, NewToken, Scope};
use purser_store::people::{People as _, Role};
use purser_store_sqlite::SqliteStore;
use purser_vendor::Chance;
use serde_json::json;

use super::DataArgs;
use super::user::{RoleName, audit, nobody};
use crate::failure::Failure;
use crate::say::say;
use crate::wiring;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token, and print it: it is shown this once.
    Create(Create),
    /// List tokens, without the tokens themselves.
    List(DataArgs),
    /// Let a token open nothing any more.
    Revoke(Revoke),
}

/// Which token.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// What to call it.
    name: String,
    #[command(flatten)]
    data: DataArgs,
    /// What it may be used for; may be given several times.
    #[arg(long = "scope", value_enum, required = true)]
    scopes: Vec<ScopeName>,
    /// The most it may do; unless given, what its scopes take.
    #[arg(long, value_enum)]
    role: Option<RoleName>,
    /// Days until it expires, at most 366.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=purser_web::MAX_TOKEN_DAYS))]
    expires: i64,
    /// Whose it is; unless given, a service's.
    #[arg(long = "for")]
    owner: Option<String>,
}

/// Which token to take back.
#[derive(Debug, clap::Args)]
pub struct Revoke {
    /// Its number, as listed.
    id: i64,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeName {
    /// Read Purchases.
    #[value(name = "purchases:read")]
    PurchasesRead,
    /// Read runs and what came of them.
    #[value(name = "runs:read")]
    RunsRead,
    /// Order runs.
    #[value(name = "runs:order")]
    RunsOrder,
    /// Read which plugin versions there are.
    #[value(name = "plugins:read")]
    PluginsRead,
    /// Install plugin versions, and decide which of them work.
    #[value(name = "plugins:manage")]
    PluginsManage,
    /// Read what plugins use.
    #[value(name = "metrics:read")]
    MetricsRead,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::PurchasesRead => Self::PurchasesRead,
            ScopeName::RunsRead => Self::RunsRead,
            ScopeName::RunsOrder => Self::RunsOrder,
            ScopeName::PluginsRead => Self::PluginsRead,
            ScopeName::PluginsManage => Self::PluginsManage,
            ScopeName::MetricsRead => Self::MetricsRead,
        }
    }
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(args) => create(args).await?,
        Command::List(data) => list(&wiring::open_store(&data).await?).await?,
        Command::Revoke(args) => revoke(&args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(args: Create) -> anyhow::Result<()> {
    let store = wiring::open_store(&args.data).await?;
    let made = wanted(&store, &args).await?;
    let (token, hash) = purser_web::new_token(Chance::from_os().bytes());
    let id = store.add_token(&hash, &made).await.map_err(Failure::from)?;
    let after = json!({
        "name": made.name, "owner": made.owner, "role": made.role, "scopes": made.scopes,
        "expires_at": made.expires_at,
    });
    audit(&store, "token.made", json!({ "token": id, "before": null, "after": after })).await?;
    say!("{token}");
    eprintln!("token {id} is good until {}; it is shown this once", made.expires_at);
    Ok(())
}

async fn wanted(store: &SqliteStore, args: &Create) -> anyhow::Result<NewToken> {
    let name = args.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(Failure::input("CLI-NAME", "a name has 1 to 64 characters", "choose another").into());
    }
    let scopes: BTreeSet<Scope> = args.scopes.iter().copied().map(Scope::from).collect();
    let needed = scopes.iter().map(|scope| scope.needs()).max().unwrap_or(Role::Viewer);
    let role = args.role.map_or(needed, Role::from);
    let owner = match &args.owner {
        None => None,
        Some(owner) => Some(store.user(owner).await.map_err(Failure::from)?.ok_or_else(nobody)?),
    };
    if role < needed || owner.as_ref().is_some_and(|owner| owner.role < role) {
        let what = "the role does not reach: a scope takes more, or the owner may do less";
        return Err(Failure::input("CLI-ROLE", what, "give a fitting --role, --scope or --for").into());
    }
    let now = wiring::now();
    Ok(NewToken {
        name,
        owner: owner.map(|owner| owner.name),
        role,
        scopes,
        created_by: super::COMMAND_LINE.to_owned(),
        created_at: now,
        expires_at: now.checked_add(SignedDuration::from_hours(24 * args.expires))?,
    })
}

async fn list(store: &SqliteStore) -> anyhow::Result<()> {
    for token in store.tokens().await.map_err(Failure::from)? {
        let scopes: Vec<&str> = token.made.scopes.iter().map(|scope| scope.name()).collect();
        let state = if token.revoked_at.is_some() {
            "revoked"
        } else if token.made.expires_at <= wiring::now() {
            "expired"
        } else {
            "good"
        };
        let owner = token.made.owner.as_deref().unwrap_or("a service");
        say!(
            "{}\t{}\t{owner}\t{}\t{state}\t{}",
            token.id,
            token.made.name,
            scopes.join(","),
            token.made.expires_at
        );
    }
    Ok(())
}

async fn revoke(args: &Revoke) -> anyhow::Result<()> {
    let store = wiring::open_store(&args.data).await?;
    let token = store.revoke_token(args.id, wiring::now()).await.map_err(|error| match error {
        purser_store::Error::NotFound(_) => {
            let remedy = "see which there are with: purser token list";
            Failure::input("CLI-TOKEN", "there is no such token, or it is revoked already", remedy)
        }
        error => Failure::from(error),
    })?;
    let detail = json!({
        "token": token.id, "before": { "name": token.made.name }, "after": { "revoked_at": token.revoked_at },
    });
    audit(&store, "token.revoked", detail).await?;
    say!("token {} opens nothing any more", token.id);
    Ok(())
}
