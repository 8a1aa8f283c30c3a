//! `purser simulator`: a simulated Microsoft cloud alone, for trying and for other tools.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use purser_simulator::{Billing, Config, Faults};

use crate::failure::Failure;
use crate::say::say;
use crate::wiring;

/// How large, and what goes wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on; loopback only.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    #[command(flatten)]
    world: WorldArgs,
    /// Redirect URI that is registered for the app; may be given several times.
    #[arg(long = "redirect-uri")]
    redirect_uris: Vec<String>,
}

/// What is generated.
#[derive(Debug, Clone, clap::Args)]
pub struct WorldArgs {
    /// Customers of the partner.
    #[arg(long, default_value_t = 8)]
    customers: usize,
    /// Usage subscriptions of each customer.
    #[arg(long, default_value_t = 1)]
    subscriptions: usize,
    /// Records of each usage subscription and day.
    #[arg(long, default_value_t = 20)]
    records: usize,
    /// Everything generated follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File (TOML or JSON) that says what goes wrong.
    #[arg(long)]
    faults: Option<PathBuf>,
}

impl WorldArgs {
    /// The simulator's configuration.
    ///
    /// # Errors
    /// Where the faults cannot be used.
    pub fn config(&self, clock: purser_pipeline::Clock) -> anyhow::Result<Config> {
        Ok(Config {
            seed: self.seed,
            customers: self.customers,
            subscriptions: self.subscriptions,
            records: self.records,
            rated_records: self.records,
            faults: self.faults.as_deref().map(faults).transpose()?.unwrap_or_default(),
            clock,
            billing: Some(Billing::default()),
            ..Config::default()
        })
    }
}

fn faults(file: &std::path::Path) -> anyhow::Result<Faults> {
    let wrong = |what: String| {
        Failure::input("CLI-FAULTS", what, "correct the file; the names it may hold are listed above")
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| wrong(format!("the faults cannot be read: {error}")))?;
    Faults::parse(&text).map_err(|error| wrong(format!("the faults cannot be used: {error}")).into())
}

/// Serves until stopped.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if !args.listen.ip().is_loopback() {
        let remedy = "listen on 127.0.0.1 or [::1]: the simulator lets anybody sign in";
        return Err(Failure::input("CLI-LISTEN", "the simulator only listens on this machine", remedy).into());
    }
    let config = Config { redirect_uris: args.redirect_uris, ..args.world.config(Arc::new(wiring::now))? };
    let listener = tokio::net::TcpListener::bind(args.listen).await?;
    let simulator = purser_simulator::serve(config, listener).await?;
    say!("simulated Microsoft cloud on http://{}", simulator.addr());
    say!("for purser.toml:\n\n{}", configuration(&simulator));
    tokio::signal::ctrl_c().await?;
    simulator.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// What `purser.toml` needs to use the simulator in place of the global cloud.
fn configuration(simulator: &purser_simulator::Simulator) -> String {
    let base = format!("http://{}", simulator.addr());
    let registration = Config::default();
    format!(
        "[connectors.microsoft-csp]\nclient-id = \"{}\"\nclient-secret = \"{}\"\n\n\
         [connectors.microsoft-csp.clouds.global]\nauthority = \"{base}/entra\"\ndownload-hosts = [\"{base}\"]\n\
         endpoints = {{ partner-center = \"{base}/partner-center\", graph = \"{base}/graph\" }}\n",
        registration.client_id, registration.client_secret
    )
}
