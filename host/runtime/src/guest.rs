//! One call in one fresh instance: budget, instantiation, outcome.
//!
//! **Invariant:** nothing of a call outlives it but its result, its log and its numbers; and a stop is told by what
//! stopped it, not by how the guest fell.

use std::time::{Duration, Instant};

use wasmtime::component::{Instance, InstancePre};
use wasmtime::{ResourceLimiter, Result, Store, Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, WasiCtxView, WasiView};

use crate::engine::{Host, TABLE_ELEMENTS, TICK};
use crate::limits::Budget;
use crate::{CallError, Printed, Usage, wasi};

/// What the store of an instance holds.
pub(crate) struct Guest {
    meter: Meter,
    wasi: wasi::State,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.view()
    }
}

/// How a component is called.
pub(crate) struct Call<'a> {
    pub host: &'a Host,
    pub component: &'a InstancePre<Guest>,
    pub budget: Budget,
    /// What the guest's clock shows, since 1970.
    pub as_of: Duration,
    /// Whether the component imports WASI.
    pub has_wasi: bool,
}

/// How a call ended, what it used and what it printed.
pub(crate) struct Outcome<T> {
    pub result: Result<T, CallError>,
    pub usage: Usage,
    pub printed: Printed,
}

impl Call<'_> {
    /// Runs `call` in a fresh instance.
    ///
    /// The answers of WASI enter an asynchronous runtime, which cannot be done on a thread that already is in one: such
    /// guests get a thread of their own, so that it does not matter where this is called from.
    pub(crate) fn run<T, F>(&self, call: F) -> Outcome<T>
    where
        T: Send,
        F: FnOnce(&mut Store<Guest>, &Instance) -> Result<T> + Send,
    {
        if !self.has_wasi {
            return self.run_here(call);
        }
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| self.run_here(call));
            thread.join().unwrap_or_else(|_| Outcome {
                result: Err(CallError::Sandbox("the thread of the call panicked".to_owned())),
                usage: Usage::default(),
                printed: Printed::default(),
            })
        })
    }

    fn run_here<T>(&self, call: impl FnOnce(&mut Store<Guest>, &Instance) -> Result<T>) -> Outcome<T> {
        let _place = self.host.places.take();
        let mut store = self.store();
        let started = Instant::now();
        let result = self.component.instantiate(&mut store).and_then(|instance| call(&mut store, &instance));
        let stopped_after = started.elapsed();
        let result = result.map_err(|error| self.stopped_by(&error, store.data(), stopped_after));
        // Taking the instance down is part of the call.
        let guest = store.into_data();
        let usage =
            Usage { elapsed: started.elapsed(), memory_peak_bytes: guest.meter.peak as u64, output_bytes: 0 };
        Outcome { result, usage, printed: guest.wasi.log.printed() }
    }

    fn store(&self) -> Store<Guest> {
        let meter = Meter::new(bytes(self.budget.memory_bytes));
        let wasi = wasi::State::new(self.as_of, bytes(self.budget.log_bytes));
        let mut store = Store::new(&self.host.engine, Guest { meter, wasi });
        store.limiter(|guest| &mut guest.meter);
        store.set_hostcall_fuel(bytes(self.budget.output_bytes));
        store.set_epoch_deadline(ticks(self.budget.deadline_ms));
        store
    }

    /// Which limit stopped the call; a guest that was denied memory falls in many ways.
    fn stopped_by(&self, error: &wasmtime::Error, guest: &Guest, elapsed: Duration) -> CallError {
        let trap = error.downcast_ref::<Trap>();
        if trap == Some(&Trap::Interrupt) {
            let used_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            return CallError::Deadline { used_ms, limit_ms: self.budget.deadline_ms };
        }
        if let Some(wanted) = guest.meter.denied {
            let limit_bytes = self.budget.memory_bytes;
            return CallError::Memory { wanted_bytes: wanted as u64, limit_bytes };
        }
        if is_output_limit(error) {
            return CallError::OutputTooLarge { limit_bytes: self.budget.output_bytes };
        }
        CallError::Trap { reason: reason(error, trap), log: guest.wasi.log.printed().text }
    }
}

fn bytes(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Ticks after which a deadline has passed for certain; the first may come at once.
fn ticks(milliseconds: u64) -> u64 {
    let tick = u64::try_from(TICK.as_millis()).unwrap_or(1);
    milliseconds.div_ceil(tick).saturating_add(1)
}

/// The engine's error for this has no type of its own; a test holds its text.
fn is_output_limit(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().starts_with("too much data is being copied")
}

fn reason(error: &wasmtime::Error, trap: Option<&Trap>) -> String {
    let what = match (trap, error.downcast_ref::<I32Exit>()) {
        (Some(trap), _) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        (None, Some(exit)) => format!("it ended its process with status {}", exit.0),
        (None, None) => error.root_cause().to_string(),
    };
    let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
    match frames.iter().find_map(|frame| frame.func_name()) {
        Some(function) => format!("{what} in {function}"),
        None => what,
    }
}

/// Counts linear memory and remembers what was denied.
struct Meter {
    limit: usize,
    held: usize,
    peak: usize,
    last_growth: usize,
    denied: Option<usize>,
}

impl Meter {
    fn new(limit: usize) -> Self {
        Self { limit, held: 0, peak: 0, last_growth: 0, denied: None }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let growth = desired.saturating_sub(current);
        let wanted = self.held.saturating_add(growth);
        if wanted > self.limit {
            self.denied = Some(wanted);
            return Ok(false);
        }
        (self.held, self.last_growth) = (wanted, growth);
        self.peak = self.peak.max(wanted);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.held = self.held.saturating_sub(std::mem::take(&mut self.last_growth));
        Ok(())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_counts_all_memories_of_a_store_together() {
        let mut meter = Meter::new(100);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert_eq!(meter.denied, Some(120));
        assert_eq!(meter.peak, 60);
        assert!(meter.memory_growing(60, 100, None).unwrap());
        meter.memory_grow_failed(wasmtime::Error::msg("the pool is full")).unwrap();
        assert_eq!(meter.held, 60);
    }

    #[test]
    fn a_deadline_is_never_early() {
        assert_eq!(ticks(0), 1);
        assert_eq!(ticks(1), 2);
        assert_eq!(ticks(2_000), 201);
    }
}
