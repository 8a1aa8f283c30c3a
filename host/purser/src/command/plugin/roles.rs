//! `purser plugin activate · rollback`: who plays what. A server at work on the same data directory sees it before it
//! orders the next run.

use std::process::ExitCode;
use std::sync::Arc;

use purser_domain::diff::verdict::Terms;
use purser_domain::{ConnectorId, Decimal, Digest, Role};
use purser_pipeline::replay::{Report, Wanted};
use purser_pipeline::rollout::{Activated, Activation, Rollout, RolloutError, Seen};

use super::try_out::{report_of, text};
use super::version_of;
use crate::command::{COMMAND_LINE, DataArgs};
use crate::say::say;
use crate::wiring;

/// What to activate.
#[derive(Debug, clap::Args)]
pub struct Activate {
    /// The version's digest or its beginning, or `id@version`.
    version: String,
    #[command(flatten)]
    data: DataArgs,
    /// Only this role (crawl, mapping, localisation); may be given several times. Unless given, all that the version can
    /// play and no plugin of another id plays.
    #[arg(long = "role")]
    roles: Vec<Role>,
    /// What happens to what is retrieved already: nothing, or what is in open months is mapped again from the pages that
    /// are kept.
    #[arg(long, value_enum, default_value_t = Apply::None)]
    apply: Apply,
    /// Say yes to what it would change: the digest of the report, as `purser plugin try` or a refused activation prints it.
    #[arg(long, value_name = "REPORT")]
    confirm: Option<Digest>,
    /// Changes of money that need no confirmation: as much of each currency, pluses and minuses added without their signs.
    #[arg(long, default_value = "0")]
    threshold: Decimal,
    /// Accept that Purchases get other references: they are voided, and made anew. It has to be confirmed all the same.
    #[arg(long)]
    accept_references: bool,
    /// Accept what it may ask beyond what has been allowed; without it, that is shown and nothing is changed.
    #[arg(long)]
    accept_calls: bool,
}

/// What to go back on.
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The connector.
    connector: ConnectorId,
    #[command(flatten)]
    data: DataArgs,
    /// Only this role; unless given, all that the last change gave away.
    #[arg(long)]
    role: Option<Role>,
    /// What happens to what the version committed: nothing, or what is in open months is mapped again from the pages that
    /// are kept.
    #[arg(long, value_enum, default_value_t = Apply::None)]
    apply: Apply,
}

/// What is mapped again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Apply {
    /// Nothing: the next run brings what it brings.
    None,
    /// All that another version made and that is booked in an open month.
    Open,
}

/// Lets a version play roles from the next run on. Where it would change Purchases, that is tried first.
///
/// Ends with 3 where somebody must confirm what it would change, and with 4 where it must not be activated.
pub async fn activate(args: &Activate) -> anyhow::Result<ExitCode> {
    let rollout = wiring::open_rollout(&args.data).await?;
    let version = version_of(&rollout, &args.version).await?;
    let (roles, accepts_asks) = (args.roles.clone(), args.accept_calls);
    let unseen = Activation { digest: version.digest, roles, accepts_asks, seen: None };
    let activated = match rollout.activate(&unseen, COMMAND_LINE).await {
        Err(RolloutError::NotTried) => {
            let report = Arc::new(tried(&rollout, args, version.digest).await?);
            let seen = Some(Seen { report: report.clone(), confirmed: args.confirm });
            match rollout.activate(&Activation { seen, ..unseen }, COMMAND_LINE).await {
                Err(error @ (RolloutError::Unconfirmed { .. } | RolloutError::Blocked(_))) => {
                    return Ok(not_yet(&report, &error));
                }
                activated => activated?,
            }
        }
        activated => activated?,
    };
    tell(&activated);
    map_again(&rollout, &activated.connector, args.apply).await?;
    Ok(ExitCode::SUCCESS)
}

/// Gives roles back to who played them before.
pub async fn rollback(args: &Rollback) -> anyhow::Result<ExitCode> {
    let rollout = wiring::open_rollout(&args.data).await?;
    tell(&rollout.roll_back(&args.connector, args.role, COMMAND_LINE).await?);
    map_again(&rollout, &args.connector, args.apply).await?;
    Ok(ExitCode::SUCCESS)
}

/// What the version would change, over all accounts and open months.
async fn tried(rollout: &Rollout, args: &Activate, digest: Digest) -> anyhow::Result<Report> {
    let terms = Terms { threshold: args.threshold.clone(), accept_references: args.accept_references };
    let wanted = Wanted { roles: args.roles.clone(), terms, ..Wanted::default() };
    report_of(rollout, &rollout.load_one(digest).await?, wanted).await
}

/// Shows what it would change, and what is asked for.
fn not_yet(report: &Report, error: &RolloutError) -> ExitCode {
    say!("{}", text::of(report).trim_end_matches('\n'));
    eprintln!("purser: {error}");
    ExitCode::from(if matches!(error, RolloutError::Blocked(_)) { 4 } else { 3 })
}

/// Orders it where it is wanted; else says that it could be.
async fn map_again(rollout: &Rollout, connector: &ConnectorId, apply: Apply) -> anyhow::Result<()> {
    if apply == Apply::Open {
        for run in rollout.map_again(connector, COMMAND_LINE).await? {
            say!("run {run} maps again what is kept; a server at work takes it, or: purser run");
        }
        return Ok(());
    }
    for (account, partitions) in rollout.to_map_again(connector).await? {
        say!(
            "account {account}: {partitions} partitions in open months were made by another version; --apply open maps them again"
        );
    }
    Ok(())
}

fn tell(activated: &Activated) {
    if activated.swaps.is_empty() {
        say!("it plays these roles already; nothing was changed");
    }
    for swap in &activated.swaps {
        let former = swap.former.map_or("nobody".to_owned(), |digest| digest.to_string());
        say!("{} {}: {former} -> {}", activated.connector, swap.role, swap.digest);
    }
    activated.granted.iter().for_each(|ask| say!("now allowed: {ask}"));
}
