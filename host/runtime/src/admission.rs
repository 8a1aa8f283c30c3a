//! Admission: everything that can be known about a component before it may touch a page.
//!
//! The gates do not stop at the first finding: an author gets the whole list at once, each with a code, the cause and the
//! fix. **Invariant:** what is admitted has been instantiated and has described itself twice with the same words;
//! matching the world on paper is not enough, since the engine's linker does not check types until it instantiates.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use purser_domain::Digest;
pub use purser_domain::Role;
use wasmtime::component::{Component, InstancePre};
use wit_parser::Resolve;

use crate::contract::manifest::Descriptor;
use crate::contract::served::{self, Version};
use crate::engine::Host;
use crate::guest::{Call, Guest};
use crate::plugin::{Admitted, Exports};
use crate::{CallError, Plugin};

mod consent;
mod coverage;
mod descriptor;
mod settings;
#[expect(clippy::indexing_slicing, reason = "arenas, by ids that came from the same resolve")]
mod world;

/// What admission found in a component it let in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Admission {
    /// The sha256 of the component's bytes.
    pub digest: Digest,
    /// Size of the component, in bytes.
    pub bytes: u64,
    /// The version of the contract it was built for.
    pub contract: String,
    /// The world it was checked against.
    pub world: String,
    /// The roles it plays.
    pub roles: Vec<Role>,
    /// WASI interfaces its toolchain imports; the host answers them with a standing clock, seeded random numbers and
    /// nothing else. Empty where the component links nothing at all.
    pub wasi: Vec<String>,
}

/// One thing that is wrong with a component.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub sentence: String,
    /// What to change.
    pub remedy: String,
}

impl Finding {
    fn new(code: &'static str, sentence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} · {}", self.code, self.sentence, self.remedy)
    }
}

/// Why a component was not admitted: all findings, the cause before its consequences.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{} the plugin is not admitted:{}", Self::CODE, self.lines())]
pub struct AdmissionError {
    /// What is wrong; never empty.
    pub findings: Vec<Finding>,
}

impl AdmissionError {
    /// The stable code of the refusal as a whole.
    pub const CODE: &'static str = "PLG-100";

    /// The stable code of the refusal as a whole.
    #[must_use]
    pub fn code(&self) -> &'static str {
        Self::CODE
    }

    fn lines(&self) -> String {
        self.findings.iter().map(|finding| format!("\n  {finding}")).collect()
    }
}

impl From<Vec<Finding>> for AdmissionError {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings }
    }
}

/// Takes a component through all gates.
pub(crate) fn admit(host: &Arc<Host>, bytes: &[u8]) -> Result<Plugin, AdmissionError> {
    form(host, bytes)?;
    let (contract, mut findings) = match world::check(bytes) {
        Ok(checked) => checked,
        Err(finding) => return Err(vec![finding].into()),
    };
    let component = match Component::new(&host.engine, bytes) {
        Ok(component) => component,
        Err(error) => {
            findings.push(not_compiled(&error));
            return Err(findings.into());
        }
    };
    let tried = try_out(host, &component, &contract, findings.is_empty(), &mut findings);
    match tried {
        Some((instance, exports, descriptor)) if findings.is_empty() => {
            let admission = Admission {
                digest: Digest::of(bytes),
                bytes: bytes.len() as u64,
                contract: contract.version.name().to_owned(),
                world: contract.world,
                roles: contract.roles,
                wasi: contract.wasi,
            };
            Ok(Plugin::new(Admitted { host: Arc::clone(host), instance, exports, admission, descriptor }))
        }
        _ => Err(findings.into()),
    }
}

/// Is it a component at all, and not too large? What fails here cannot be looked into any further.
fn form(host: &Host, bytes: &[u8]) -> Result<(), AdmissionError> {
    let limit = host.limits.component_bytes;
    let finding = if bytes.len() as u64 > limit {
        let sentence = format!("the component has {} bytes of {limit} allowed", bytes.len());
        Finding::new(
            "PLG-103",
            sentence,
            "build it with optimisation and without debug information, or raise `component-mib`",
        )
    } else if is_kind(bytes, [0x01, 0x00, 0x00, 0x00]) {
        Finding::new(
            "PLG-102",
            "this is a core WebAssembly module, not a component",
            "build it with `purser plugin` or wrap it with `wasm-tools component new`",
        )
    } else if !is_kind(bytes, [0x0d, 0x00, 0x01, 0x00]) {
        Finding::new("PLG-101", "this is no WebAssembly file", "give the component's `.wasm` file")
    } else {
        return Ok(());
    };
    Err(vec![finding].into())
}

/// A WebAssembly file says in its second four bytes what it is.
fn is_kind(bytes: &[u8], kind: [u8; 4]) -> bool {
    bytes.strip_prefix(b"\0asm").is_some_and(|rest| rest.starts_with(&kind))
}

fn not_compiled(error: &wasmtime::Error) -> Finding {
    let sentence = format!("the engine cannot compile it: {:#}", first_line(&format!("{error:#}")));
    Finding::new(
        "PLG-109",
        sentence,
        "build it with a current toolchain and only released WebAssembly features",
    )
}

type Tried = (InstancePre<Guest>, Exports, Descriptor);

/// Instantiates the component and lets it describe itself, also where its imports are refused: then they trap, and what
/// the descriptor has wrong is still found.
fn try_out(
    host: &Host,
    component: &Component,
    contract: &world::Contract,
    sound: bool,
    findings: &mut Vec<Finding>,
) -> Option<Tried> {
    let instance = match link(host, component, contract) {
        Ok(instance) => instance,
        Err(error) => {
            // Where the world does not match, that is the cause, and it has been told.
            if sound {
                findings.push(not_started(&format!("{error:#}")));
            }
            return None;
        }
    };
    let descriptor = describe(host, &instance, contract, sound, findings)?;
    descriptor::check(&descriptor, &contract.roles, findings);
    match find_exports(&instance, contract) {
        Ok(exports) => Some((instance, exports, descriptor)),
        Err(error) if sound => {
            findings.push(not_started(&format!("{error:#}")));
            None
        }
        Err(_) => None,
    }
}

fn link(
    host: &Host,
    component: &Component,
    contract: &world::Contract,
) -> wasmtime::Result<InstancePre<Guest>> {
    let linker = if contract.wasi.is_empty() { &host.bare } else { &host.wasi };
    if contract.refused.is_empty() {
        return linker.instantiate_pre(component);
    }
    let mut stubbed = linker.clone();
    stubbed.define_unknown_imports_as_traps(component)?;
    stubbed.instantiate_pre(component)
}

fn find_exports(instance: &InstancePre<Guest>, contract: &world::Contract) -> wasmtime::Result<Exports> {
    let (plays, version) = (|role| contract.roles.contains(&role), contract.version);
    Ok(Exports {
        crawl: plays(Role::Crawl).then(|| served::Crawl::new(version, instance)).transpose()?,
        mapping: plays(Role::Mapping).then(|| served::Mapping::new(version, instance)).transpose()?,
        localisation: plays(Role::Localisation)
            .then(|| served::Localisation::new(version, instance))
            .transpose()?,
    })
}

/// Calls `describe` in two fresh instances.
fn describe(
    host: &Host,
    instance: &InstancePre<Guest>,
    contract: &world::Contract,
    sound: bool,
    findings: &mut Vec<Finding>,
) -> Option<Descriptor> {
    let answers = (describe_once(host, instance, contract), describe_once(host, instance, contract));
    match answers {
        (Ok(first), Ok(second)) if first == second => Some(first),
        (Ok(_), Ok(_)) => {
            findings.push(Finding::new(
                "PLG-112",
                "`describe` gave two different answers",
                "build the descriptor from constants: no hash maps, addresses or uninitialised memory",
            ));
            None
        }
        (Err(error), _) | (_, Err(error)) => {
            if sound || matches!(error, CallError::Deadline { .. } | CallError::Memory { .. }) {
                findings.push(not_described(&error));
            }
            None
        }
    }
}

/// A trial call: it looks up and type-checks the exports of every role before it calls `describe`.
fn describe_once(
    host: &Host,
    instance: &InstancePre<Guest>,
    contract: &world::Contract,
) -> Result<Descriptor, CallError> {
    let call = Call {
        host,
        component: instance,
        budget: host.limits.budget(0, 1),
        as_of: Duration::ZERO,
        has_wasi: !contract.wasi.is_empty(),
    };
    let sound = contract.refused.is_empty() && contract.matches;
    let outcome = call.run(|store, running| {
        if sound {
            let exports = find_exports(instance, contract)?;
            exports.crawl.map(|crawl| crawl.load(&mut *store, running)).transpose()?;
            exports.mapping.map(|mapping| mapping.load(&mut *store, running)).transpose()?;
            exports.localisation.map(|texts| texts.load(&mut *store, running)).transpose()?;
        }
        served::Manifest::new(contract.version, instance)?.load(&mut *store, running)?.call_describe(store)
    });
    outcome.result
}

fn not_started(error: &str) -> Finding {
    Finding::new(
        "PLG-110",
        format!("a trial instance could not be made: {}", first_line(error)),
        "build it against this host's WIT: `purser plugin new` writes it beside the template",
    )
}

fn not_described(error: &CallError) -> Finding {
    Finding::new(
        "PLG-111",
        format!("`describe` failed in a trial instance: {}", error.sentence()),
        "run it under `purser plugin test`; `describe` must return from any start without input",
    )
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A version of the contract as the WIT tools see it.
fn contract(version: Version) -> Result<(Resolve, wit_parser::PackageId), String> {
    let mut resolve = Resolve::default();
    let package =
        resolve.push_source("connector.wit", version.wit()).map_err(|error| format!("{error:#}"))?;
    Ok((resolve, package))
}

#[cfg(test)]
mod tests;
