//! `purser demo`: everything at once, on this machine only.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use purser_simulator::Alter;

use super::simulator::WorldArgs;
use crate::data::DataDir;
use crate::demo::{MovedClock, World, author, check};
use crate::failure::Failure;
use crate::say::say;

/// How the demo is run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Without a person: sign in, consent, Locale nl-NL, two daily runs, and a comparison with the simulator's ledger.
    /// The last line is a JSON summary.
    #[arg(long)]
    check: bool,
    /// Data directory; a temporary one that is removed at the end, unless given.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Show this plugin instead: a `.wasm` file, or the folder of its sources.
    #[arg(long, requires = "answers", conflicts_with = "check")]
    plugin: Option<PathBuf>,
    /// The recording its vendor answers from.
    #[arg(long, value_name = "FILE", requires = "plugin")]
    answers: Option<PathBuf>,
    #[command(flatten)]
    world: WorldArgs,
    /// For the demo's own tests: serve this line one more in its last digit.
    #[arg(long, hide = true)]
    change_line: Option<usize>,
    /// For the demo's own tests: do not serve this line.
    #[arg(long, hide = true)]
    drop_line: Option<usize>,
}

/// Runs it.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let temporary = tempfile::Builder::new().prefix("purser-demo-").tempdir()?;
    let mut data = DataDir::open(args.data.as_deref().unwrap_or(temporary.path()))?;
    if !data.take()? {
        let remedy = "stop that server, or name another directory with --data";
        return Err(Failure::new("CLI-HELD", "another server works on this data directory", remedy).into());
    }
    if let (Some(plugin), Some(answers)) = (&args.plugin, &args.answers) {
        author::show(&data, args.listen, plugin, answers, super::serve::stop_on_signal()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let clock = MovedClock::real();
    let mut simulated = args.world.config(clock.clock())?;
    simulated.alter = match (args.change_line, args.drop_line) {
        (Some(line), _) => Alter::ChangeLastDigit(line),
        (None, Some(line)) => Alter::DropLine(line),
        (None, None) => Alter::None,
    };
    let stop = super::serve::stop_on_signal();
    if args.check {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        return check::run(&data, listen, simulated, clock, stop).await;
    }
    eprintln!("starting the simulated Microsoft cloud and Purser …");
    let world = World::start(&data, args.listen, simulated, clock.clock(), stop).await?;
    say!("\nPurser         {}", world.url);
    say!("sign in as     {}   password   {}", world.sign_in.name, world.sign_in.password);
    say!("Microsoft      simulated on http://{}", world.simulator.addr());
    say!(
        "\nConnectors → Microsoft CSP → Connector Settings → Login with your Microsoft Account.  Ctrl-C ends the demo."
    );
    world.stopped().await;
    world.end().await?;
    Ok(ExitCode::SUCCESS)
}
