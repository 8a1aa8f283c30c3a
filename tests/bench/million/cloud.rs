//! The simulated cloud, in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use purser_simulator::{Config, Faults};

use crate::world::{CUSTOMERS, World, clock};

/// Bodies kept between the cases' requests: none, each is asked for once.
const CACHE_BYTES: usize = 1 << 20;

/// A running cloud; ends when it is dropped.
pub struct Cloud {
    process: Child,
    /// The case's world, with the cloud's address and tokens.
    pub world: World,
}

impl Cloud {
    /// Starts it and waits until it answers.
    pub fn start(world: &World) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["cloud", &serde_json::to_string(world)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("the cloud has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let world = serde_json::from_str(&line).context("the cloud did not start")?;
        Ok(Self { process, world })
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// The process: says where it answers, and serves until its input ends.
pub async fn serve(world: &World) -> anyhow::Result<()> {
    let config = Config {
        customers: CUSTOMERS,
        subscriptions: world.subscriptions,
        records: world.records_a_day,
        rated_records: 0,
        latency: Duration::from_millis(world.latency),
        faults: Faults::default(),
        clock: clock(),
        cache_bytes: CACHE_BYTES,
        ..Config::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let simulator = purser_simulator::serve(config, listener).await?;
    let grant = simulator.grant("service").context("the service user is gone")?;
    let world = World {
        base: format!("http://{}", simulator.addr()),
        tenant: simulator.tenant().to_owned(),
        access_token: grant.partner_center,
        refresh_token: grant.refresh,
        ..world.clone()
    };
    println!("{}", serde_json::to_string(&world)?);
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    simulator.shutdown().await;
    Ok(())
}
