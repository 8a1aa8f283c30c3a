//! Errors of other crates as the pages show them.

use purser_pipeline::connector::CloudError;
use purser_pipeline::host::OrderError;
use purser_vendor::connector::Connector;
use purser_vendor::consent::{ConsentError, admin_link, admin_mends};
use purser_web::{APPLICATION_STATE, Problem};

/// Why a consent was not given.
pub fn consent_problem(error: &ConsentError) -> Problem {
    Problem::new(400, &error.code(), error.to_string(), error.remedy())
}

/// The same of a refusal by the vendor: where whoever administers the tenant can mend it, with the link for them.
pub fn refused_problem(connector: &Connector, error: &ConsentError) -> Problem {
    let problem = consent_problem(error);
    // Who signed in is not known, so neither is their tenant: the vendor's page asks.
    let mends = matches!(error, ConsentError::Refused { .. }) && admin_mends(connector, &problem.code);
    let link = mends.then(|| admin_link(connector, None, APPLICATION_STATE)).flatten();
    match link {
        Some(link) => problem.for_administrator(link),
        None => problem,
    }
}

/// Why descriptor and configuration make no connector.
pub fn cloud_problem(error: &CloudError) -> Problem {
    let remedy = "check the connector's section of the configuration, and the plugin's version";
    Problem::new(500, "CFG-004", error.to_string(), remedy)
}

/// Why a run was not ordered. Its text is code, sentence and remedy.
pub fn order_problem(error: OrderError) -> Problem {
    match error {
        OrderError::Store(error) => error.into(),
        error => coded(400, &error.to_string()),
    }
}

/// What an error says whose text is code, sentence and remedy.
pub fn coded(status: u16, text: &str) -> Problem {
    let (told, remedy) = text.split_once(" · ").unwrap_or((text, "correct it and try again"));
    let (code, what) = told.split_once(' ').unwrap_or(("WEB-FAILED", told));
    Problem::new(status, code, what, remedy)
}
