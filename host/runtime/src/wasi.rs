//! WASI 0.2 for components whose toolchain imports it, answered the same on every machine.
//!
//! **Invariant:** nothing here reads the outside world. The clock stands still at the run's as-of instant, random
//! numbers come from a fixed seed, there are no arguments, variables, files or network, waiting ends at once, and output
//! goes to a bounded log that drops what does not fit. So no call blocks, and a guest cannot tell when it runs.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime::{Engine, Result};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::clocks::{WasiClocksCtxView, WasiClocksView};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamError};
use wasmtime_wasi::{Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView};

use crate::Printed;
use crate::guest::Guest;

/// Interfaces that are answered, without their version (0.2.x).
pub(crate) const ANSWERED: [&str; 27] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Random bytes before they repeat: long enough that a guest that draws until it likes a number comes to an end.
const RANDOM_BYTES: usize = 4096;

/// Most random bytes a guest may draw at once.
const MOST_RANDOM_BYTES: u64 = 1 << 20;

/// A linker that answers WASI.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    monotonic_clock::add_to_linker::<Guest, StandingClock>(&mut linker, |guest| Standing(guest.clocks()))?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// A guest's WASI state, made when it is first asked for.
#[derive(Default)]
pub(crate) struct State {
    pub as_of: Duration,
    pub log: Log,
    table: ResourceTable,
    context: Option<WasiCtx>,
}

impl State {
    pub(crate) fn new(as_of: Duration, log_bytes: usize) -> Self {
        Self { as_of, log: Log::new(log_bytes), ..Self::default() }
    }

    pub(crate) fn view(&mut self) -> WasiCtxView<'_> {
        let (as_of, log) = (self.as_of, &self.log);
        WasiCtxView { ctx: self.context.get_or_insert_with(|| context(as_of, log)), table: &mut self.table }
    }
}

fn context(as_of: Duration, log: &Log) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    builder
        .stdout(log.clone())
        .stderr(log.clone())
        .wall_clock(Stopped(as_of))
        .monotonic_clock(Stopped(as_of))
        .secure_random(Deterministic::new(random_bytes("secure")))
        .insecure_random(Deterministic::new(random_bytes("insecure")))
        .insecure_random_seed(0x5075_7273_6572)
        .max_random_size(MOST_RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    builder.build()
}

fn random_bytes(purpose: &str) -> Vec<u8> {
    let block = |number: usize| Sha256::digest(format!("purser {purpose} {number}"));
    (0..RANDOM_BYTES / 32).flat_map(block).collect()
}

/// A clock that shows one instant.
struct Stopped(Duration);

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The monotonic clock, with waits that end at once: no instant but now ever comes, and a host call must not block.
struct StandingClock;

struct Standing<'a>(WasiClocksCtxView<'a>);

impl HasData for StandingClock {
    type Data<'a> = Standing<'a>;
}

impl monotonic_clock::Host for Standing<'_> {
    fn now(&mut self) -> Result<u64> {
        self.0.now()
    }

    fn resolution(&mut self) -> Result<u64> {
        self.0.resolution()
    }

    fn subscribe_instant(&mut self, _when: u64) -> Result<Resource<DynPollable>> {
        self.0.subscribe_duration(0)
    }

    fn subscribe_duration(&mut self, _nanoseconds: u64) -> Result<Resource<DynPollable>> {
        self.0.subscribe_duration(0)
    }
}

/// Standard output and error: the first bytes are kept, the others are taken, counted and dropped.
#[derive(Clone, Default)]
pub(crate) struct Log {
    limit: usize,
    written: Arc<Mutex<Written>>,
}

#[derive(Default)]
struct Written {
    kept: Vec<u8>,
    dropped: u64,
}

impl Log {
    fn new(limit: usize) -> Self {
        Self { limit, written: Arc::default() }
    }

    /// What was kept, as text, and how much was not.
    pub(crate) fn printed(&self) -> Printed {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&written.kept).trim_end().to_owned();
        Printed { text, dropped_bytes: written.dropped }
    }

    fn write(&self, bytes: &[u8]) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.limit.saturating_sub(written.kept.len());
        written.kept.extend(bytes.iter().take(room));
        written.dropped += bytes.len().saturating_sub(room) as u64;
    }
}

impl IsTerminal for Log {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Log {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Log {
    async fn ready(&mut self) {}
}

impl OutputStream for Log {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        Log::write(self, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(64 * 1024)
    }
}

impl AsyncWrite for Log {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Log::write(&self, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
