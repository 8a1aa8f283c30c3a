//! `purser plugin bundle`: an installed version and its signatures in one file, for where no network leads.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use purser_pipeline::rollout;

use super::version_of;
use crate::command::DataArgs;
use crate::failure::Failure;
use crate::say::say;
use crate::whole_file::WholeFile;
use crate::wiring;

/// What to bundle.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The version's digest or its beginning, or `id@version`.
    version: String,
    /// The file to write: a tar archive of the component and its signature files.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

/// Writes it.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let opened = wiring::open_rollout(&args.data).await?;
    let version = version_of(&opened, &args.version).await?;
    let (component, vouchers) = opened.kept(version.digest).await?;
    let unwritten = |error: std::io::Error| {
        let what = format!("{} cannot be written: {error}", args.out.display());
        Failure::new("CLI-WRITE", what, "name a file in a directory that you may write, on a disk with room")
    };
    let file = WholeFile::begin(&args.out).map_err(unwritten)?;
    let mut out = std::io::BufWriter::new(file.file());
    rollout::bundle(&version, &component, &vouchers, &mut out).map_err(unwritten)?;
    out.flush().map_err(unwritten)?;
    drop(out);
    file.end().map_err(unwritten)?;
    let signatures = vouchers.signatures.len();
    say!("{} with {signatures} signatures is in {}", version.named(), args.out.display());
    say!("install it elsewhere with: purser plugin install {}", args.out.display());
    Ok(ExitCode::SUCCESS)
}
