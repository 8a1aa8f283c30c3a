//! An admitted component and the calls that can be made of it.
//!
//! Called by the pipeline for each page and each answer. **Invariant:** what these functions return has been checked
//! against the contract; what breaks it is an error, never a result.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use purser_domain::{Digest, RunId};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::admission::{Admission, Role};
use crate::columns::{self, Bounds, Mapped};
use crate::contract::crawl::{Request, Response, Step};
use crate::contract::localisation::Products;
use crate::contract::manifest::Descriptor;
use crate::contract::mapping::PageContext;
use crate::contract::served;
use crate::contract::types::{Fact, Problem, RunContext};
use crate::engine::Host;
use crate::error::Counted;
use crate::guest::{Call, Guest};
use crate::record::{Called, Function, Recorder, Records, Version};
use crate::{CallError, Limits, Usage, answers};

/// One plugin version. Cheap to clone; all clones share the compiled component.
#[derive(Clone)]
pub struct Plugin {
    component: Arc<Admitted>,
    room: u32,
    run: Option<(RunId, Arc<dyn Recorder>)>,
}

/// A component that passed admission.
pub(crate) struct Admitted {
    pub host: Arc<Host>,
    pub instance: InstancePre<Guest>,
    pub exports: Exports,
    pub admission: Admission,
    pub descriptor: Descriptor,
}

/// The functions of the roles a component plays.
pub(crate) struct Exports {
    pub crawl: Option<served::Crawl>,
    pub mapping: Option<served::Mapping>,
    pub localisation: Option<served::Localisation>,
}

type Answer<T> = wasmtime::Result<Result<T, Problem>>;

impl Plugin {
    pub(crate) fn new(component: Admitted) -> Self {
        Self { component: Arc::new(component), room: 1, run: None }
    }

    #[cfg(test)]
    pub(crate) fn admitted(&self) -> &Admitted {
        &self.component
    }

    /// The sha256 of the component's bytes: the name of this version on every platform.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.component.admission.digest
    }

    /// What the plugin says it is, and everything it may ever ask for.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.component.descriptor
    }

    /// What admission found.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.component.admission
    }

    /// The same plugin with memory and deadline that many times as large (4 at most), for another try after
    /// [`CallError::Deadline`] or [`CallError::Memory`].
    #[must_use]
    pub fn with_room(&self, times: u32) -> Self {
        Self { room: times, ..self.clone() }
    }

    /// The same plugin at work for a run: what is told of its calls names the run, and is also told to the run.
    #[must_use]
    pub fn for_run(&self, run: RunId, recorder: Arc<dyn Recorder>) -> Self {
        Self { run: Some((run, recorder)), ..self.clone() }
    }

    /// What it may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.component.host.limits
    }

    /// Tells what became of the records of a page, once all of it is mapped.
    pub fn mapped(&self, records: Records) {
        self.recorders().for_each(|recorder| recorder.mapped(&self.version(), records));
    }

    fn version(&self) -> Version<'_> {
        Version {
            plugin: &self.component.descriptor.id,
            digest: self.digest(),
            run: self.run.as_ref().map(|(run, _)| *run),
        }
    }

    fn recorders(&self) -> impl Iterator<Item = &Arc<dyn Recorder>> {
        let of_run = self.run.iter().map(|(_, recorder)| recorder);
        of_run.chain([&self.component.host.recorder])
    }

    /// What to ask first, given a batch of the facts the feed needs.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn start(&self, ctx: &RunContext, feed: &str, facts: &[Fact]) -> Result<Step, CallError> {
        let input = facts.iter().map(|fact| fact.kind.len() + fact.key.len() + fact.value.len()).sum();
        let crawl = self.component.exports.crawl.as_ref().ok_or(CallError::NotPlayed(Role::Crawl))?;
        let asked = Asked { function: Function::Start, as_of: &ctx.as_of, input_bytes: input };
        let call = |store: &mut Store<Guest>, instance: &Instance| {
            crawl.load(&mut *store, instance)?.call_start(store, ctx, feed, facts)
        };
        Ok(self.call(&asked, call, |step| answers::step(step, self.limits()))?.0)
    }

    /// What an answer means and what to ask next.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn next(
        &self,
        ctx: &RunContext,
        feed: &str,
        request: &Request,
        response: &Response,
    ) -> Result<Step, CallError> {
        let crawl = self.component.exports.crawl.as_ref().ok_or(CallError::NotPlayed(Role::Crawl))?;
        let input_bytes = response.envelope.len();
        let asked = Asked { function: Function::Next, as_of: &ctx.as_of, input_bytes };
        let call = |store: &mut Store<Guest>, instance: &Instance| {
            crawl.load(&mut *store, instance)?.call_next(store, ctx, feed, request, response)
        };
        Ok(self.call(&asked, call, |step| answers::step(step, self.limits()))?.0)
    }

    /// From a page of `records` records to Purchases. Each record comes back in exactly one place.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn map(&self, ctx: &PageContext, page: &[u8], records: u32) -> Result<Mapped, CallError> {
        let mapping = self.component.exports.mapping.as_ref().ok_or(CallError::NotPlayed(Role::Mapping))?;
        self.check_records(records)?;
        let asked = Asked { function: Function::Map, as_of: &ctx.run.as_of, input_bytes: page.len() };
        let call = |store: &mut Store<Guest>, instance: &Instance| {
            mapping.load(&mut *store, instance)?.call_map(store, ctx, page)
        };
        let bounds = Bounds::of(self.limits());
        let (mapped, usage) = self.call(&asked, call, |columns| {
            let bytes = columns.text.len() + columns.counts.len() * size_of::<u32>();
            Ok((columns::decode(&columns.text, &columns.counts, records, &bounds)?, bytes as u64))
        })?;
        Ok(Mapped { usage, ..mapped })
    }

    /// Names, units and rates of the products on a page of `records` records. A text with a malformed rate or currency
    /// comes back rejected.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn products(&self, ctx: &PageContext, page: &[u8], records: u32) -> Result<Products, CallError> {
        let localisation = self.component.exports.localisation.as_ref();
        let localisation = localisation.ok_or(CallError::NotPlayed(Role::Localisation))?;
        self.check_records(records)?;
        let asked = Asked { function: Function::Products, as_of: &ctx.run.as_of, input_bytes: page.len() };
        let call = |store: &mut Store<Guest>, instance: &Instance| {
            localisation.load(&mut *store, instance)?.call_products(store, ctx, page)
        };
        Ok(self.call(&asked, call, |texts| answers::products(texts, records, self.limits()))?.0)
    }

    /// What a page has too many records of never reaches the guest.
    fn check_records(&self, records: u32) -> Result<(), CallError> {
        answers::at_most(Counted::Records, records as usize, self.limits().records.into())
    }

    /// Calls the guest, checks what it handed back, and tells the recorder. `check` also says how large the answer is.
    fn call<T: Send, U>(
        &self,
        asked: &Asked<'_>,
        call: impl FnOnce(&mut Store<Guest>, &Instance) -> Answer<T> + Send,
        check: impl FnOnce(T) -> Result<(U, u64), CallError>,
    ) -> Result<(U, Usage), CallError> {
        let component = &self.component;
        let settings = Call {
            host: &component.host,
            component: &component.instance,
            budget: component.host.limits.budget(asked.input_bytes, self.room),
            as_of: since_1970(asked.as_of)?,
            has_wasi: !component.admission.wasi.is_empty(),
        };
        let outcome = settings.run(call);
        let answer = outcome.result.and_then(|answer| answer.map_err(CallError::Problem));
        let checked = answer.and_then(check);
        let output_bytes = checked.as_ref().map_or(0, |(_, bytes)| *bytes);
        let used = Usage { output_bytes, ..outcome.usage };
        let called = Called {
            version: self.version(),
            function: asked.function,
            outcome: checked.as_ref().err().map_or("ok", CallError::code),
            input_bytes: asked.input_bytes as u64,
            used,
            allowed: settings.budget,
            printed: &outcome.printed,
        };
        self.recorders().for_each(|recorder| recorder.called(&called));
        checked.map(|(answer, _)| (answer, used))
    }
}

/// What is called, and for what.
struct Asked<'a> {
    function: Function,
    as_of: &'a str,
    input_bytes: usize,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("id", &self.descriptor().id)
            .field("version", &self.descriptor().version)
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}

fn since_1970(as_of: &str) -> Result<Duration, CallError> {
    let instant: Timestamp =
        as_of.parse().map_err(|_| CallError::Sandbox("the run's as-of is not an instant".to_owned()))?;
    Ok(Duration::try_from(instant.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default())
}
