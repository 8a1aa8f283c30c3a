//! The contract's worlds, and whether a component matches one. Called after each build, and by fixtures' tests.

use wit_parser::Resolve;

use crate::Error;

const CONTRACT: &str = include_str!("../../../wit/v0.1/connector.wit");

/// Whether the component could be used wherever the world is asked for: it has the world's exports with exactly these
/// types, and no imports of its own.
///
/// # Errors
/// Names the first difference.
pub fn check_world(component: &[u8], world: &str) -> Result<(), Error> {
    let differs = |why: String| Error::World { world: world.to_owned(), why };
    let mut resolve = Resolve::default();
    let package =
        resolve.push_str("connector.wit", CONTRACT).map_err(|error| differs(format!("{error:#}")))?;
    let world_id =
        resolve.select_world(&[package], Some(world)).map_err(|error| differs(format!("{error:#}")))?;
    wit_component::targets(&resolve, world_id, component).map_err(|error| differs(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_world_and_an_alien_component_are_told_apart_from_a_match() {
        let unknown = check_world(b"", "no-such-world").unwrap_err().to_string();
        assert!(unknown.contains("no-such-world"), "{unknown}");
        let alien = check_world(b"\0asm\x0d\0\x01\0", "connector").unwrap_err().to_string();
        assert!(alien.starts_with("PLG-BUILD-WORLD"), "{alien}");
    }
}
