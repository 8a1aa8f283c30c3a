//! The engine, its deadline clock and the places in its pool.
//!
//! **Invariant:** there are never more instances than places, so a call waits for a place and is never refused one; and
//! waiting does not count against its deadline.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::guest::Guest;
use crate::limits::MOST_ROOM;
use crate::record::Unrecorded;
use crate::{AdmissionError, Limits, Plugin, Recorder, SandboxError, admission, cache, wasi};

/// How often deadlines are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Memory of an instance that stays mapped for the next one: as much as mapping a 4 MiB page touches.
const KEEP_RESIDENT_BYTES: usize = 24 * 1024 * 1024;

/// Table elements of one table; interpreters compiled to components need some ten thousand.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;

/// Core instances, memories and tables of one component; Python's consist of dozens of core modules.
const CORE_INSTANCES: u32 = 64;
const MEMORIES: u32 = 2;
const TABLES: u32 = 8;

/// Where plugins run. Cheap to clone; the last clone (or plugin) stops the deadline clock.
#[derive(Clone)]
pub struct Sandbox {
    host: Arc<Host>,
}

impl Sandbox {
    /// Starts a sandbox. With a cache folder, a component is compiled once per machine and engine version.
    ///
    /// # Errors
    /// If the engine refuses the limits, or the folder cannot be made private.
    pub fn new(limits: Limits, cache_dir: Option<PathBuf>) -> Result<Self, SandboxError> {
        Self::recorded(limits, cache_dir, Arc::new(Unrecorded))
    }

    /// The same, with every call told to a recorder.
    ///
    /// # Errors
    /// As [`Sandbox::new`].
    pub fn recorded(
        limits: Limits,
        cache_dir: Option<PathBuf>,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Self, SandboxError> {
        let cache = cache_dir.as_deref().map(cache::open).transpose()?;
        let mut config = config(&limits);
        config.cache(cache);
        let engine = Engine::new(&config).map_err(engine_error)?;
        let bare = Linker::new(&engine);
        let wasi = wasi::linker(&engine).map_err(engine_error)?;
        let ticker = Ticker::start(engine.clone()).map_err(SandboxError::Ticker)?;
        let places = Places::new(limits.pool_instances.max(1));
        Ok(Self { host: Arc::new(Host { engine, bare, wasi, limits, places, recorder, _ticker: ticker }) })
    }

    /// Checks a component and prepares it for calls. Takes seconds where it is compiled for the first time.
    ///
    /// # Errors
    /// With everything that is wrong with the component at once.
    pub fn admit(&self, component: &[u8]) -> Result<Plugin, AdmissionError> {
        admission::admit(&self.host, component)
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("limits", &self.host.limits).finish_non_exhaustive()
    }
}

/// What all plugins of a sandbox share.
pub(crate) struct Host {
    pub engine: Engine,
    /// Links nothing.
    pub bare: Linker<Guest>,
    /// Links WASI 0.2, answered deterministically.
    pub wasi: Linker<Guest>,
    pub limits: Limits,
    pub places: Places,
    pub recorder: Arc<dyn Recorder>,
    _ticker: Ticker,
}

fn engine_error(error: wasmtime::Error) -> SandboxError {
    SandboxError::Engine(format!("{error:#}"))
}

fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        // The same bits on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .concurrency_support(false)
        .wasm_memory64(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    config
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let places = limits.pool_instances.max(1);
    let most_memory = limits.memory_bytes.saturating_mul(u64::from(MOST_ROOM)).min(4 << 30);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(places)
        .total_core_instances(places.saturating_mul(CORE_INSTANCES))
        .total_memories(places.saturating_mul(MEMORIES))
        .total_tables(places.saturating_mul(TABLES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(usize::try_from(most_memory).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(64 * 1024)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Advances the engine's epoch until it is dropped.
struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: Engine) -> std::io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let tick = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                engine.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("plugin-deadlines".to_owned()).spawn(tick)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; and a drop has nobody to tell.
            let _ = thread.join();
        }
    }
}

/// Places in the pool.
pub(crate) struct Places {
    free: Mutex<u32>,
    freed: Condvar,
}

/// A place that is taken until this is dropped.
pub(crate) struct Place<'a>(&'a Places);

impl Places {
    fn new(places: u32) -> Self {
        Self { free: Mutex::new(places), freed: Condvar::new() }
    }

    /// Takes a place; waits for one where all are taken.
    pub(crate) fn take(&self) -> Place<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
