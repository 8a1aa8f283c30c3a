//! `purser serve`: web UI, API, scheduler and workers in one process.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::DataArgs;
use crate::config::Config;
use crate::data::DataDir;
use crate::failure::Failure;
use crate::say::say;
use crate::wiring::{self, Purser};

/// Where to serve.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Address to listen on, over the configuration's.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

/// Serves until stopped; runs under way are resumed by the next start.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut config = wiring::config(&args.data)?;
    config.listen = args.listen.unwrap_or(config.listen);
    let mut data = DataDir::open(&config.data)?;
    if !data.take()? {
        let remedy = "stop that server, or name another directory with --data";
        return Err(Failure::new("CLI-HELD", "another server works on this data directory", remedy).into());
    }
    let listener = bind(&config).await?;
    config.listen = listener.local_addr()?;
    let purser = Purser::open(&config, &data, Arc::new(wiring::now)).await?;
    say!("Purser on {}", config.public_url()?);
    if let Some(link) = purser.setup_link().await? {
        say!("first start: choose a name and a password within 24 hours at {link}");
    }
    let stop = stop_on_signal();
    serve(&purser, listener, stop).await?;
    Ok(ExitCode::SUCCESS)
}

async fn bind(config: &Config) -> anyhow::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(config.listen).await.map_err(|error| {
        let what = format!("cannot listen on {}: {error}", config.listen);
        Failure::new("CLI-LISTEN", what, "choose another address with --listen").into()
    })
}

/// Serves pages and works on runs until `stop`.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    purser: &Purser,
    listener: tokio::net::TcpListener,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    tell_connectors(purser);
    let mut workers = vec![tokio::spawn(purser.host.clone().keep_schedule(stop.clone()))];
    workers.push(tokio::spawn(purser_pipeline::health::keep(purser.host.clone(), stop.clone())));
    let (keeper, pause) = (purser.keeper.clone(), crate::keys::pause_of(&purser.keeper.source));
    workers.push(tokio::spawn(keeper.keep(pause, stop.clone())));
    workers.extend((0..wiring::WORKERS).map(|_| tokio::spawn(purser.host.clone().work(stop.clone()))));
    let web = axum::serve(listener, purser.router().into_make_service_with_connect_info::<SocketAddr>());
    let stopped = stop.clone();
    let served = web.with_graceful_shutdown(async move { stopped.cancelled().await });
    // Live pages hold their connections open; they are not waited for.
    tokio::select! {
        result = served.into_future() => result?,
        () = async { stop.cancelled().await; tokio::time::sleep(wiring::GRACE).await } => {}
    }
    for worker in workers {
        worker.await?;
    }
    Ok(())
}

fn tell_connectors(purser: &Purser) {
    for (connector, plugin) in purser.host.plugins.connectors() {
        tracing::info!(connector = %connector, plugin.digest = %plugin.digest(), "plugin.serving");
    }
}

/// Cancelled on Ctrl-C and on SIGTERM.
pub fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        token.cancel();
    });
    stop
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        tokio::signal::ctrl_c().await.ok();
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    tokio::signal::ctrl_c().await.ok();
}
