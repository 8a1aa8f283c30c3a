//! Does a component fit one of our worlds? Imports and exports, by name first and by type second.
//!
//! **Invariant:** the component's exports are checked by the WIT tools against the contract that the host was built
//! with, and its imports are none, or WASI 0.2 that the host answers.

use wit_component::DecodedWasm;
use wit_parser::{InterfaceId, PackageId, Resolve, Span, WorldId, WorldItem, WorldKey};

use super::{Finding, Role, contract, first_line};
use crate::contract::served::Version;
use crate::wasi;

const PACKAGE: &str = "purser:connector/";

/// What a component offers and asks for.
pub(super) struct Contract {
    /// What it was built for; the newest where it is none that is served.
    pub version: Version,
    pub world: String,
    pub roles: Vec<Role>,
    /// WASI imports the host answers.
    pub wasi: Vec<String>,
    /// Imports nobody answers.
    pub refused: Vec<String>,
    /// Whether the exports are those of the world.
    pub matches: bool,
}

/// Compares a component with the world that its exports aim at.
///
/// # Errors
/// With the one finding that keeps it from being read.
pub(super) fn check(bytes: &[u8]) -> Result<(Contract, Vec<Finding>), Finding> {
    let (theirs, root) = decode(bytes)?;
    let exports = names(&theirs, &theirs.worlds[root].exports);
    let version = version_of(&exports);
    let (ours, package) = contract(version).map_err(|error| unreadable(&error))?;
    let imports = names(&theirs, &theirs.worlds[root].imports);
    let roles = roles(&exports);
    let world = aimed_at(&roles);
    let (wasi, refused) = sort_imports(imports);
    let mut findings: Vec<Finding> = refused.iter().map(|import| refused_import(import)).collect();
    let missing = missing(&ours, package, world, &exports);
    let matches = if missing.is_empty() {
        let mismatches = mismatches(&ours, package, world, (&theirs, root), bytes);
        findings.extend(mismatches.iter().cloned());
        mismatches.is_empty()
    } else {
        findings.extend(missing);
        false
    };
    Ok((Contract { version, world: world.to_owned(), roles, wasi, refused, matches }, findings))
}

fn decode(bytes: &[u8]) -> Result<(Resolve, WorldId), Finding> {
    match wit_component::decode(bytes) {
        Ok(DecodedWasm::Component(resolve, world)) => Ok((resolve, world)),
        Ok(DecodedWasm::WitPackage(..)) => Err(Finding::new(
            "PLG-104",
            "this is a WIT package, not a component",
            "give the component that was built from it",
        )),
        Err(error) => Err(unreadable(&format!("{error:#}"))),
    }
}

fn unreadable(error: &str) -> Finding {
    let sentence = format!("the component cannot be read: {}", first_line(error));
    Finding::new("PLG-104", sentence, "build or download it again; compare its sha256 with the publisher's")
}

fn names<'a>(
    resolve: &Resolve,
    items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> Vec<String> {
    items.into_iter().map(|(key, _)| resolve.name_world_key(key)).collect()
}

/// The served version that the component's exports name.
fn version_of(exports: &[String]) -> Version {
    let named = exports.iter().filter(|export| export.starts_with(PACKAGE));
    named.filter_map(|export| Version::named(version(export))).next().unwrap_or_else(Version::newest)
}

fn roles(exports: &[String]) -> Vec<Role> {
    let plays = |role: &Role| exports.iter().any(|export| bare(export) == format!("{PACKAGE}{role}"));
    [Role::Crawl, Role::Mapping, Role::Localisation].into_iter().filter(plays).collect()
}

/// The smallest world that has what the component shows; with nothing to show, the whole connector.
fn aimed_at(roles: &[Role]) -> &'static str {
    match roles {
        [Role::Mapping, ..] => "mapping-plugin",
        [Role::Localisation] => "localisation-plugin",
        _ => "connector",
    }
}

/// A name without its version.
fn bare(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

fn version(name: &str) -> &str {
    name.split_once('@').map_or("", |(_, version)| version)
}

/// WASI that is answered, and what is not; types of our own package link to nothing.
fn sort_imports(imports: Vec<String>) -> (Vec<String>, Vec<String>) {
    let others = imports.into_iter().filter(|import| !import.starts_with(PACKAGE));
    others.partition(|import| version(import).starts_with("0.2.") && wasi::ANSWERED.contains(&bare(import)))
}

fn refused_import(import: &str) -> Finding {
    let remedy = if import.starts_with("wasi:") {
        "a plugin describes requests and the host makes them: remove the code that needs it; of WASI only 0.2 `cli`, `clocks`, \
         `filesystem`, `io`, `random` and `sockets` are answered"
    } else {
        "a plugin is given everything as arguments: remove the import"
    };
    Finding::new("PLG-107", format!("it imports {import}, which the host does not offer"), remedy)
}

/// Interfaces of the world that the component does not export, or exports in another version.
fn missing(ours: &Resolve, package: PackageId, world: &str, exports: &[String]) -> Vec<Finding> {
    let Some(world_id) = ours.packages[package].worlds.get(world) else { return Vec::new() };
    let wanted = names(ours, &ours.worlds[*world_id].exports);
    let absent = wanted.iter().filter(|name| !exports.contains(name));
    absent.map(|name| missing_export(world, name, exports)).collect()
}

fn missing_export(world: &str, name: &str, exports: &[String]) -> Finding {
    match exports.iter().find(|export| bare(export) == bare(name)) {
        Some(other) => Finding::new(
            "PLG-105",
            format!("it exports {other}; this host serves the versions {}", Version::names()),
            format!(
                "build it against version {}, or use a host that serves {}",
                Version::newest().name(),
                version(other)
            ),
        ),
        None => Finding::new(
            "PLG-105",
            format!("it does not export {name}, which the world `{world}` has"),
            "export the interface, or build for one of the worlds connector, mapping-plugin, localisation-plugin",
        ),
    }
}

/// Compares types; where the whole does not fit, each interface by itself, so that all are named.
fn mismatches(
    ours: &Resolve,
    package: PackageId,
    world: &str,
    theirs: (&Resolve, WorldId),
    bytes: &[u8],
) -> Vec<Finding> {
    let Some(world_id) = ours.packages[package].worlds.get(world).copied() else { return Vec::new() };
    let mut ours = ours.clone();
    if let Err(error) = admit_imports(&mut ours, world_id, theirs) {
        return vec![mismatch(world, &error)];
    }
    let Err(whole) = wit_component::targets(&ours, world_id, bytes) else { return Vec::new() };
    let exports: Vec<WorldKey> = ours.worlds[world_id].exports.keys().cloned().collect();
    let single = exports.iter().filter_map(|kept| {
        let mut narrowed = ours.clone();
        narrowed.worlds[world_id].exports.retain(|key, _| key == kept);
        let error = wit_component::targets(&narrowed, world_id, bytes).err()?;
        Some(mismatch(&ours.name_world_key(kept), &format!("{error:#}")))
    });
    match single.collect::<Vec<_>>() {
        none if none.is_empty() => vec![mismatch(world, &format!("{whole:#}"))],
        each => each,
    }
}

/// Lets the world import whatever the component imports from others: what of that is answered is decided by name.
fn admit_imports(
    ours: &mut Resolve,
    world: WorldId,
    (theirs, root): (&Resolve, WorldId),
) -> Result<(), String> {
    let foreign: Vec<InterfaceId> = theirs.worlds[root]
        .imports
        .iter()
        .filter(|(key, _)| !theirs.name_world_key(key).starts_with(PACKAGE))
        .filter_map(|(_, item)| match item {
            WorldItem::Interface { id, .. } => Some(*id),
            WorldItem::Function(_) | WorldItem::Type { .. } => None,
        })
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let moved = ours.merge(theirs.clone()).map_err(|error| format!("{error:#}"))?;
    for id in foreign {
        let id = moved.map_interface(id, Span::default()).map_err(|error| format!("{error:?}"))?;
        let item = WorldItem::Interface {
            id,
            stability: wit_parser::Stability::default(),
            external_id: None,
            docs: wit_parser::Docs::default(),
            span: Span::default(),
        };
        ours.worlds[world].imports.insert(WorldKey::Interface(id), item);
    }
    Ok(())
}

fn mismatch(what: &str, error: &str) -> Finding {
    Finding::new(
        "PLG-106",
        format!("its types are not those of {what}: {}", innermost(error)),
        "build it against this host's WIT: a record or variant never changes within a version",
    )
}

/// The tools report from the outside in: what lies inside the interface is what an author can act on.
fn innermost(error: &str) -> String {
    let text = error.split(" (at offset").next().unwrap_or(error);
    const OUTSIDE: [&str; 3] = ["failed to validate", "type mismatch for import", PACKAGE];
    let is_inside = |part: &&str| !OUTSIDE.iter().any(|frame| part.contains(frame));
    let parts: Vec<&str> = text.lines().flat_map(|line| line.split(": ")).map(str::trim).collect();
    let inside: Vec<&str> = parts.iter().copied().filter(is_inside).filter(|part| !part.is_empty()).collect();
    inside.split_last_chunk::<3>().map_or(inside.join(": "), |(_, last)| last.join(": "))
}
