//! The consent part of a descriptor: where users sign in, and the probes that tell what a grant can do.
//!
//! **Invariant:** a probe asks only a listed call with the parameters that call takes, so that the preflight table can
//! never reach further than the plugin's own list.

use std::collections::BTreeSet;

use super::Finding;
use super::descriptor::{is_base_url, is_pointer, placeholders, repeated};
use crate::columns::shorten;
use crate::contract::manifest::{Auth, Call, Consent, Descriptor, Probe};

/// Checks consent, also whether it is there where endpoints ask for tokens.
pub(super) fn check(descriptor: &Descriptor, findings: &mut Vec<Finding>) {
    let wrong = match &descriptor.consent {
        None => missing(descriptor).into_iter().collect(),
        Some(consent) => {
            let mut wrong = places(consent);
            wrong.extend(rows(consent, &descriptor.calls));
            wrong.extend(signs(consent));
            wrong.extend(admin_consent(consent));
            wrong
        }
    };
    findings.extend(wrong.into_iter().map(finding));
}

fn finding(sentence: String) -> Finding {
    Finding::new("PLG-130", sentence, "correct the `consent` of the descriptor")
}

fn missing(descriptor: &Descriptor) -> Option<String> {
    let asks = descriptor.endpoints.iter().find(|endpoint| matches!(endpoint.auth, Auth::Oauth(_)))?;
    Some(format!(
        "the endpoint {:?} needs tokens, and there is no `consent` to get them by",
        shorten(&asks.name)
    ))
}

fn places(consent: &Consent) -> Vec<String> {
    let mut wrong = Vec::new();
    if consent.authorities.is_empty() {
        wrong.push("consent names no authority".to_owned());
    }
    for authority in consent.authorities.iter().filter(|authority| !is_base_url(&authority.value)) {
        wrong.push(format!(
            "the authority {:?} is no https URL without a trailing slash",
            shorten(&authority.value)
        ));
    }
    let paths = [
        ("authorize-path", &consent.authorize_path),
        ("token-path", &consent.token_path),
        ("keys-path", &consent.keys_path),
    ];
    for (name, path) in paths.into_iter().filter(|(_, path)| !path.starts_with('/')) {
        wrong.push(format!("the {name} {:?} does not begin with a slash", shorten(path)));
    }
    let words =
        [("issuer", &consent.issuer), ("button", &consent.button), ("tenant claim", &consent.claims.tenant)];
    wrong.extend(
        words.into_iter().filter(|(_, word)| word.is_empty()).map(|(name, _)| format!("the {name} is empty")),
    );
    wrong
}

fn rows(consent: &Consent, calls: &[Call]) -> Vec<String> {
    let mut wrong: Vec<String> = repeated(consent.probes.iter().map(|probe| probe.name.as_str()))
        .map(|name| format!("two probes are named {:?}", shorten(name)))
        .collect();
    for probe in &consent.probes {
        let name = shorten(&probe.name).into_owned();
        let of_probe = asked(probe, calls).into_iter().chain(answered(probe));
        wrong.extend(of_probe.map(|text| format!("the probe {name:?} {text}")));
    }
    let nameless =
        consent.error_classes.iter().filter(|class| class.class.is_empty() || class.remedy.is_empty());
    wrong.extend(
        nameless
            .map(|class| format!("the error class of {:?} has no class or remedy", shorten(&class.error))),
    );
    wrong
}

/// A sign that can never show would leave a set unnamed for ever.
fn signs(consent: &Consent) -> Vec<String> {
    let mut wrong = Vec::new();
    for (set, sign) in consent.role_sets.iter().flat_map(|set| set.signs.iter().map(move |sign| (set, sign)))
    {
        let name = shorten(&set.roles.join(" + ")).into_owned();
        if consent.probes.iter().all(|probe| probe.name != sign.name) {
            wrong.push(format!("the role set {name:?} names a probe {:?} there is not", shorten(&sign.name)));
        }
        if !["ok", "missing", "refused"].contains(&sign.value.as_str()) {
            wrong.push(format!(
                "the role set {name:?} names a verdict {:?} there is not",
                shorten(&sign.value)
            ));
        }
    }
    wrong
}

/// What is wrong with the page of an administrator's consent.
fn admin_consent(consent: &Consent) -> Vec<String> {
    let Some(page) = &consent.admin_consent else { return Vec::new() };
    let mut wrong = Vec::new();
    if !page.path.starts_with('/') {
        wrong.push(format!("the admin-consent path {:?} does not begin with a slash", shorten(&page.path)));
    }
    let is_class = |name: &String| consent.error_classes.iter().any(|class| class.class == *name);
    let unknown = page.classes.iter().filter(|name| !is_class(name));
    wrong.extend(
        unknown.map(|name| format!("the admin-consent mends {:?}, which is no error class", shorten(name))),
    );
    wrong
}

/// What is wrong with the request of a probe.
fn asked(probe: &Probe, calls: &[Call]) -> Vec<String> {
    let Some(call) = calls.iter().find(|call| call.name == probe.call) else {
        return vec![format!("asks the call {:?}, which is not listed", shorten(&probe.call))];
    };
    let given: BTreeSet<&str> = probe.path.iter().map(|pair| pair.name.as_str()).collect();
    let wanted: BTreeSet<&str> = placeholders(&call.path).unwrap_or_default().into_iter().collect();
    let mut wrong = Vec::new();
    if given != wanted {
        wrong.push(format!("does not fill the path {:?}", shorten(&call.path)));
    }
    for pair in probe.query.iter().filter(|pair| !call.query.contains(&pair.name)) {
        wrong.push(format!("puts {:?} into the query, which its call does not list", shorten(&pair.name)));
    }
    for pair in probe.headers.iter().filter(|pair| !call.headers.contains(&pair.name)) {
        wrong.push(format!("sets the header {:?}, which its call does not list", shorten(&pair.name)));
    }
    wrong
}

/// What is wrong with the answers a probe knows.
fn answered(probe: &Probe) -> Vec<String> {
    let mut wrong = Vec::new();
    for answer in &probe.answers {
        if answer.status_from > answer.status_to || !(100..=599).contains(&answer.status_from) {
            wrong.push(format!("knows an answer of status {} to {}", answer.status_from, answer.status_to));
        }
        if answer.body.as_ref().is_some_and(|body| !is_pointer(&body.name)) {
            wrong.push("looks into the body by something that is no JSON pointer".to_owned());
        }
        if answer.code.is_empty() {
            wrong.push("knows an answer without a code".to_owned());
        }
    }
    wrong
}
