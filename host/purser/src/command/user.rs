//! `purser user …`: people who may sign in, from the machine itself: the way back in where nobody can.
//!
//! A password is never given on a command line, where others on the machine would see it: a one-time link sets it.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use jiff::SignedDuration;
use purser_store::access::{Access as _, UserChange};
use purser_store::people::{AuditEntry, People as _, Role, User};
use purser_store_sqlite::SqliteStore;
use purser_vendor::Chance;
use serde_json::json;
use sha2::Digest as _;

use super::DataArgs;
use crate::failure::Failure;
use crate::say::say;
use crate::wiring;

/// How long a link is good.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What to do with people.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a person, and print the one-time link by which they set their password.
    Add(Add),
    /// List people: name, role, whether they may sign in, by what.
    List(DataArgs),
    /// Let a person sign in no more; their sessions and API tokens end.
    Disable(Named),
    /// Let a person sign in again.
    Enable(Named),
    /// Take a person's password away, and print the one-time link by which they set another.
    Reset(Named),
}

/// Whom to add.
#[derive(Debug, clap::Args)]
pub struct Add {
    #[command(flatten)]
    named: Named,
    /// What the person may do.
    #[arg(long, value_enum, default_value_t = RoleName::Viewer)]
    role: RoleName,
}

/// Of whom.
#[derive(Debug, clap::Args)]
pub struct Named {
    /// The person's name.
    name: String,
    #[command(flatten)]
    data: DataArgs,
}

/// A role, as it is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Looks.
    Viewer,
    /// Runs, consents, changes settings.
    Operator,
    /// Plugins, people, keys.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(add) => add_user(add).await?,
        Command::List(data) => list(&data).await?,
        Command::Disable(named) => change(&named, UserChange::Disabled, "user.disabled").await?,
        Command::Enable(named) => change(&named, UserChange::Enabled, "user.enabled").await?,
        Command::Reset(named) => {
            let store = wiring::open_store(&named.data).await?;
            let user = store.user(&named.name).await.map_err(Failure::from)?.ok_or_else(nobody)?;
            link(&store, &named, &user, "user.reset").await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add_user(add: Add) -> anyhow::Result<()> {
    let name = add.named.name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(Failure::input("CLI-NAME", "a name has 1 to 64 characters", "choose another").into());
    }
    let store = wiring::open_store(&add.named.data).await?;
    let user = User::new(name, "", add.role.into());
    store.add_user(&user).await.map_err(|error| match error {
        purser_store::Error::Conflict(_) => Failure::input(
            "CLI-NAME",
            "somebody has this name already",
            "choose another, or reset the password",
        ),
        error => Failure::from(error),
    })?;
    link(&store, &add.named, &user, "user.added").await
}

/// Prints a link that sets a password.
async fn link(store: &SqliteStore, named: &Named, user: &User, what: &str) -> anyhow::Result<()> {
    if let Some(identity) = &user.identity {
        let told = format!("this person signs in at {}, which keeps the password", identity.issuer);
        return Err(Failure::input("CLI-ELSEWHERE", told, "reset it there").into());
    }
    let (token, now) = (hex::encode(Chance::from_os().bytes::<32>()), wiring::now());
    let link_hash: [u8; 32] = sha2::Sha256::digest(token.as_bytes()).into();
    let reset = UserChange::Reset { link_hash: &link_hash, expires_at: now.checked_add(LINK_LIFE)? };
    let changed = store.change_user(&user.name, reset, now).await.map_err(Failure::from)?;
    let before = if what == "user.added" { None } else { Some(&changed.before) };
    let detail =
        json!({ "user": user.name, "before": before.map(shown), "after": changed.after.as_ref().map(shown) });
    audit(store, what, detail).await?;
    let public = wiring::config(&named.data)?.public_url()?;
    say!("{}", public.join(&format!("password/{token}"))?);
    eprintln!("{} sets a password at this link, once and within 24 hours", user.name);
    Ok(())
}

async fn list(data: &DataArgs) -> anyhow::Result<()> {
    let store = wiring::open_store(data).await?;
    for user in store.users().await.map_err(Failure::from)? {
        let may = if user.is_disabled { "disabled" } else { "enabled" };
        let by = user.identity.as_ref().map_or("password", |identity| identity.issuer.as_str());
        say!("{}\t{}\t{may}\t{by}", user.name, word(user.role));
    }
    Ok(())
}

async fn change(named: &Named, change: UserChange<'_>, what: &str) -> anyhow::Result<()> {
    let store = wiring::open_store(&named.data).await?;
    let changed = store.change_user(&named.name, change, wiring::now()).await;
    let changed = changed.map_err(|error| match error {
        purser_store::Error::NotFound(_) => nobody(),
        purser_store::Error::LastAdministrator => {
            Failure::new("CLI-LAST-ADMIN", error.to_string(), "make somebody else an administrator first")
        }
        error => Failure::from(error),
    })?;
    let after = changed.after.as_ref().map(shown);
    let detail = json!({ "user": changed.before.name, "before": shown(&changed.before), "after": after, "tokens_ended": changed.tokens });
    audit(&store, what, detail).await?;
    say!("{} is {} now", changed.before.name, if what == "user.disabled" { "disabled" } else { "enabled" });
    Ok(())
}

/// Writes down what was done from here.
pub async fn audit(store: &SqliteStore, what: &str, detail: serde_json::Value) -> anyhow::Result<()> {
    let (at, who) = (wiring::now(), super::COMMAND_LINE.to_owned());
    let entry = AuditEntry { at, who, what: what.to_owned(), detail };
    Ok(store.audit(&entry).await.map_err(Failure::from)?)
}

fn shown(user: &User) -> serde_json::Value {
    let by = match &user.identity {
        Some(identity) => identity.issuer.as_str(),
        None if user.password_hash.is_empty() => "link",
        None => "password",
    };
    json!({ "role": user.role, "disabled": user.is_disabled, "signs_in_by": by })
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

/// There is nobody of this name.
pub fn nobody() -> Failure {
    Failure::input("CLI-NOBODY", "there is nobody of this name", "see who there is with: purser user list")
}
