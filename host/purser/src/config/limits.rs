//! `[plugins.limits]`: what plugins may use, within ceilings.

use std::collections::BTreeMap;

use purser_runtime::Limits;
use serde::Deserialize;

use crate::failure::Failure;

/// Limits by name, as in `docs/plugin-errors.md`; those not named stay as they are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct PluginLimits(BTreeMap<String, u64>);

impl PluginLimits {
    /// The limits that hold.
    ///
    /// # Errors
    /// Where one is unknown, or beyond its ceiling.
    pub fn read(&self) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        for (name, value) in &self.0 {
            limits.set(name, *value).map_err(|error| {
                let what = format!("a limit under [plugins.limits] cannot be used: {error}");
                Failure::input("CFG-006", what, "correct it and start again")
            })?;
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use purser_runtime::KNOBS;

    use super::*;
    use crate::config::Plugins;

    fn plugins(file: &str, environment: &[(&str, &str)]) -> Plugins {
        #[derive(Deserialize)]
        struct Whole {
            plugins: Plugins,
        }
        let owned =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let variables = config::Environment::with_prefix("PURSER").prefix_separator("_").separator("__");
        let built = config::Config::builder()
            .add_source(config::File::from_str(file, config::FileFormat::Toml))
            .add_source(variables.source(Some(owned)));
        built.build().unwrap().try_deserialize::<Whole>().unwrap().plugins
    }

    #[test]
    fn each_limit_is_set_by_the_file_and_over_it_by_the_environment() {
        for knob in KNOBS {
            let file = format!("[plugins.limits]\n{} = {}\n", knob.name, knob.least);
            let limits = plugins(&file, &[]).limits.read().unwrap();
            assert_eq!(knob.get(&limits), knob.least, "{}", knob.name);
            let variable = format!("PURSER_PLUGINS__LIMITS__{}", knob.name);
            let limits = plugins(&file, &[(&variable, &knob.ceiling.to_string())]).limits.read().unwrap();
            assert_eq!(knob.get(&limits), knob.ceiling, "{}", knob.name);
        }
    }

    #[test]
    fn what_is_beyond_a_ceiling_or_no_limit_is_refused_by_name() {
        let told = |file: &str| plugins(file, &[]).limits.read().unwrap_err().to_string();
        let beyond = told("[plugins.limits]\nmemory-mib = 1025");
        assert!(
            beyond.contains("CFG-006") && beyond.contains("memory-mib = 1025 is not between 1 and 1024"),
            "{beyond}"
        );
        assert!(told("[plugins.limits]\nmemory-bytes = 1").contains("there are: memory-mib, "));
    }
}
