//! The conformance suite: does a plugin keep what the contract asks of it, judged by what it does with recorded answers in
//! the production sandbox?
//!
//! Each rule has a number for ever, says MUST or SHOULD, and is checked by changing what was recorded in one way and
//! looking at what becomes of the Purchases. **Invariant:** a rule that could not be looked at says so and why; it never
//! counts as passed. `tests/fixtures/wrong` holds a plugin that breaks each one.

mod bench;
mod rules;
mod said;
mod walk;

use std::fmt;

use purser_domain::Cast;
use purser_domain::conservation::Balance;
use purser_runtime::{AdmissionError, Plugin, Sandbox};
use purser_vendor::Connector;
use serde::Serialize;

use crate::connector::{CloudConfig, CloudError, Clouds, ConnectorConfig};
use crate::recording::{Head, Recording};
use bench::Bench;

/// How much a rule asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// A plugin that breaks it bills wrongly, or will.
    Must,
    /// A plugin that breaks it will trouble somebody.
    Should,
}

/// One rule, as the report names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// `C1`, for ever.
    pub id: &'static str,
    /// How much it asks.
    pub level: Level,
    /// The rule in a sentence.
    pub title: &'static str,
}

/// What came of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Passed {
        /// In how many places it was looked at: pages, records or requests.
        checked: usize,
    },
    /// It does not.
    Failed {
        /// Where, and what to change; the first few.
        findings: Vec<Finding>,
    },
    /// It could not be looked at.
    NotApplicable {
        /// Why.
        reason: String,
    },
}

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The page, the record, or the request.
    pub place: String,
    /// What was seen.
    pub seen: String,
    /// What to change.
    pub change: &'static str,
}

/// A rule and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which.
    #[serde(flatten)]
    pub rule: Rule,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What the suite found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every rule, in the order of their numbers.
    pub rules: Vec<Line>,
    /// Pages that were mapped.
    pub pages: usize,
    /// What the host counted and summed of them, as a run's.
    pub balance: Balance,
    /// Purchases they gave, equal references not yet summed.
    pub purchases: usize,
}

/// Places named for one rule: the first ones are what an author mends first.
const MOST_FINDINGS: usize = 5;

impl Report {
    /// Whether a rule that a plugin must keep is broken.
    #[must_use]
    pub fn fails(&self) -> bool {
        let is_broken = |line: &&Line| matches!(line.outcome, Outcome::Failed { .. });
        self.rules.iter().filter(is_broken).any(|line| line.rule.level == Level::Must)
    }

    /// Adds what another recording showed: a rule is broken where any breaks it, and kept where any let it be looked at.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        if self.rules.is_empty() {
            return other;
        }
        for (mine, theirs) in self.rules.iter_mut().zip(other.rules) {
            mine.outcome = mine.outcome.clone().and(theirs.outcome);
        }
        self.pages += other.pages;
        self.balance.merge(&other.balance);
        self.purchases += other.purchases;
        self
    }
}

impl Outcome {
    fn of(checked: usize, mut findings: Vec<Finding>, nothing: &str) -> Self {
        findings.truncate(MOST_FINDINGS);
        match (checked, findings.is_empty()) {
            (_, false) => Self::Failed { findings },
            (0, true) => Self::NotApplicable { reason: nothing.to_owned() },
            (checked, true) => Self::Passed { checked },
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed { mut findings }, Self::Failed { findings: more }) => {
                findings.extend(more);
                findings.truncate(MOST_FINDINGS);
                Self::Failed { findings }
            }
            (failed @ Self::Failed { .. }, _) | (_, failed @ Self::Failed { .. }) => failed,
            (Self::Passed { checked }, Self::Passed { checked: more }) => {
                Self::Passed { checked: checked + more }
            }
            (passed @ Self::Passed { .. }, _) | (_, passed) => passed,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} · {}", self.place, self.seen, self.change)
    }
}

/// What was refused before the first rule could be looked at: one line fails, the others could not be looked at.
#[must_use]
pub fn refused(error: &AdmissionError) -> Report {
    let finding = |finding: &purser_runtime::Finding| Finding {
        place: finding.code.to_owned(),
        seen: format!("{} · {}", finding.sentence, finding.remedy),
        change: "change what admission names, and build again",
    };
    let line = |rule: Rule| Line {
        rule,
        outcome: match rule.id == rules::ADMISSION.id {
            true => Outcome::Failed { findings: error.findings.iter().map(finding).collect() },
            false => Outcome::NotApplicable { reason: "the plugin is not admitted".to_owned() },
        },
    };
    Report { rules: rules::ALL.iter().map(|(rule, _)| line(*rule)).collect(), ..Report::default() }
}

/// Looks at every rule over one recording.
///
/// # Errors
/// Where the plugin does not serve the recording's cloud.
pub fn check(cast: &Cast<Plugin>, recording: &Recording) -> Result<Report, CloudError> {
    let connector = connector(&cast.crawl, &recording.head)?;
    let bench = Bench::new(cast, &connector, recording);
    let line = |(rule, check): &(Rule, rules::Check)| Line { rule: *rule, outcome: check(&bench) };
    let rules = rules::ALL.iter().map(line).collect();
    let mapped = || bench.walk.pages.iter().filter_map(|kept| kept.mapped.as_ref().ok());
    Ok(Report {
        rules,
        pages: bench.walk.pages.len(),
        balance: mapped().fold(Balance::default(), |mut sum, page| {
            sum.merge(&page.balance);
            sum
        }),
        purchases: mapped().map(|page| page.contributions.len()).sum(),
    })
}

/// Admits a component and looks at every rule; other roles are played by `base` where the component extends it.
///
/// # Errors
/// Where the plugin does not serve the recording's cloud.
pub fn check_component(
    sandbox: &Sandbox,
    component: &[u8],
    base: Option<&Plugin>,
    recordings: &[Recording],
) -> Result<Report, CloudError> {
    let plugin = match sandbox.admit(component) {
        Ok(plugin) => plugin,
        Err(error) => return Ok(refused(&error)),
    };
    let cast = cast_of(plugin, base);
    recordings
        .iter()
        .try_fold(Report::default(), |report, recording| Ok(report.and(check(&cast, recording)?)))
}

/// A plugin in the roles it plays, and its base in the others.
#[must_use]
pub fn cast_of(plugin: Plugin, base: Option<&Plugin>) -> Cast<Plugin> {
    let roles = plugin.admission().roles.clone();
    let of = |role| match base {
        Some(base) if !roles.contains(&role) => base.clone(),
        _ => plugin.clone(),
    };
    use purser_domain::Role;
    Cast { crawl: of(Role::Crawl), mapping: of(Role::Mapping), localisation: of(Role::Localisation) }
}

/// What the plugin may ask, at the addresses it names itself; downloads come from where the recorded ones did.
fn connector(plugin: &Plugin, head: &Head) -> Result<Connector, CloudError> {
    let public_url =
        url::Url::parse("http://localhost/").map_err(|error| CloudError::Url(error.to_string()))?;
    let id = plugin.descriptor().id.parse().map_err(|_| CloudError::Id)?;
    let cloud = CloudConfig { download_hosts: head.download_hosts.clone(), ..CloudConfig::default() };
    let clouds = [(head.context.cloud.clone(), cloud)].into();
    let connectors = [(id, ConnectorConfig { clouds, ..ConnectorConfig::default() })].into();
    Clouds { public_url, connectors }.connector(plugin.descriptor(), &head.context.cloud)
}
