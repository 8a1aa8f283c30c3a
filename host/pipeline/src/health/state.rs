//! What an answer makes of an account's state. Pure.

use jiff::Timestamp;
use purser_store::accounts::{ConsentState, Reason};
use purser_vendor::GrantEffect;
use purser_vendor::preflight::Lack;
use purser_vendor::tokens::GrantState;

/// How the codes of refused grants begin; those of calls and probes are the connector's own.
const REFUSED: &str = "CON-";

/// What the token endpoint's answer makes of a consent state; none: it stays.
///
/// An operator's pause and a disconnect are not undone by a token. A token that works mends what its own refusal had
/// broken; what the preflight found stays until the next preflight.
#[must_use]
pub fn after_token(former: &ConsentState, answer: GrantState, now: Timestamp) -> Option<ConsentState> {
    if matches!(former, ConsentState::Paused | ConsentState::Disconnected) {
        return None;
    }
    match answer {
        GrantState::Works => {
            let is_mended = reason(former).is_some_and(|reason| reason.code.starts_with(REFUSED));
            is_mended.then_some(ConsentState::Active)
        }
        GrantState::Fault(fault) => {
            let reason = Reason { code: fault.code, what: fault.what, remedy: fault.remedy, since: now };
            let next = match fault.effect {
                GrantEffect::Retry => return None,
                GrantEffect::Degraded => ConsentState::Degraded(reason),
                GrantEffect::OperatorFault => ConsentState::OperatorFault(reason),
                GrantEffect::NeedsConsent | GrantEffect::FlowError => ConsentState::NeedsConsent(reason),
            };
            (!is_same_trouble(former, &next)).then_some(next)
        }
    }
}

/// What a preflight table says of an account as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Something needed is missing.
    Missing(Lack),
    /// Nothing needed is known to be missing.
    Nothing {
        /// Every needed row is ok.
        is_proven: bool,
        /// Codes of the rows that are ok, whatever they have been before.
        mended: Vec<String>,
    },
}

/// What a preflight table makes of a consent state; none: it stays.
///
/// What the token endpoint refused is not mended by a table. A trouble ends where the row it came from is seen to work,
/// never because nobody can tell; the same trouble keeps its words and the instant it began.
#[must_use]
pub fn after_table(former: &ConsentState, finding: Finding, now: Timestamp) -> Option<ConsentState> {
    use ConsentState::{Active, Degraded, NeedsConsent, Verifying};
    match (former, finding) {
        (Verifying | Active | Degraded(_), Finding::Missing(lack)) => {
            let Lack { code, what, remedy, needs_consent } = lack;
            let reason = Reason { code, what, remedy, since: now };
            let next = if needs_consent { NeedsConsent(reason) } else { Degraded(reason) };
            (!is_same_trouble(former, &next)).then_some(next)
        }
        (Verifying, Finding::Nothing { .. }) => Some(Active),
        (Degraded(reason), Finding::Nothing { is_proven, mended }) => {
            (is_proven || mended.contains(&reason.code)).then_some(Active)
        }
        // A run's calls were refused, and now the same calls all work.
        (NeedsConsent(reason), Finding::Nothing { is_proven: true, .. }) => {
            (!reason.code.starts_with(REFUSED)).then_some(Active)
        }
        _ => None,
    }
}

/// Why an account is in its state; none where nothing is wrong.
#[must_use]
pub fn reason(state: &ConsentState) -> Option<&Reason> {
    match state {
        ConsentState::Degraded(reason)
        | ConsentState::NeedsConsent(reason)
        | ConsentState::OperatorFault(reason) => Some(reason),
        _ => None,
    }
}

/// The same trouble keeps the instant it began.
fn is_same_trouble(one: &ConsentState, other: &ConsentState) -> bool {
    let code = |state| reason(state).map(|reason| &reason.code);
    std::mem::discriminant(one) == std::mem::discriminant(other) && code(one) == code(other)
}

#[cfg(test)]
mod tests {
    use purser_store::accounts::ConsentState::{
        Active, Degraded, Disconnected, NeedsConsent, OperatorFault, Paused, Verifying,
    };
    use purser_vendor::tokens::GrantFault;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn reason(code: &str, since: i64) -> Reason {
        Reason { code: code.into(), what: "w".into(), remedy: "r".into(), since: at(since) }
    }

    #[test]
    fn a_token_mends_what_its_refusal_broke_and_nothing_else() {
        let table = [
            (NeedsConsent(reason("CON-X", 1)), Some(Active)),
            (OperatorFault(reason("CON-X", 1)), Some(Active)),
            (Degraded(reason("CON-X", 1)), Some(Active)),
            // The calls were refused although tokens were given: another token proves nothing.
            (NeedsConsent(reason("X-1", 1)), None),
            (Degraded(reason("X-1", 1)), None),
            (Active, None),
            (Verifying, None),
            (Paused, None),
            (Disconnected, None),
        ];
        for (former, expected) in table {
            assert_eq!(after_token(&former, GrantState::Works, at(9)), expected, "{former:?}");
        }
    }

    #[test]
    fn a_refusal_becomes_what_its_class_says_and_ends_neither_a_pause_nor_anything_by_being_transient() {
        let fault = |effect| {
            let (class, code, what, remedy) = ("x".into(), "CON-X".into(), "w".into(), "r".into());
            GrantState::Fault(GrantFault { effect, class, code, what, remedy })
        };
        let table = [
            (Active, GrantEffect::NeedsConsent, Some(NeedsConsent(reason("CON-X", 9)))),
            (Active, GrantEffect::FlowError, Some(NeedsConsent(reason("CON-X", 9)))),
            (Active, GrantEffect::Degraded, Some(Degraded(reason("CON-X", 9)))),
            (Active, GrantEffect::OperatorFault, Some(OperatorFault(reason("CON-X", 9)))),
            (Active, GrantEffect::Retry, None),
            (NeedsConsent(reason("CON-X", 1)), GrantEffect::NeedsConsent, None),
            (
                NeedsConsent(reason("CON-Y", 1)),
                GrantEffect::NeedsConsent,
                Some(NeedsConsent(reason("CON-X", 9))),
            ),
            (Degraded(reason("CON-X", 1)), GrantEffect::NeedsConsent, Some(NeedsConsent(reason("CON-X", 9)))),
            (Paused, GrantEffect::NeedsConsent, None),
            (Disconnected, GrantEffect::OperatorFault, None),
        ];
        for (former, effect, expected) in table {
            assert_eq!(after_token(&former, fault(effect), at(9)), expected, "{former:?} {effect:?}");
        }
    }

    #[test]
    fn a_table_mends_what_it_sees_working_and_neither_a_pause_nor_a_refused_grant() {
        let lack = |code: &str, needs_consent| {
            let (what, remedy) = ("w".into(), "r".into());
            Finding::Missing(Lack { code: code.into(), what, remedy, needs_consent })
        };
        let (missing, refused) = (|code| lack(code, false), |code| lack(code, true));
        let nothing = |is_proven, mended: &[&str]| Finding::Nothing {
            is_proven,
            mended: mended.iter().map(|code| (*code).to_owned()).collect(),
        };
        let table = [
            (Verifying, nothing(false, &[]), Some(Active)),
            (Verifying, missing("A"), Some(Degraded(reason("A", 9)))),
            (Active, missing("A"), Some(Degraded(reason("A", 9)))),
            (Active, nothing(false, &[]), None),
            (Active, refused("A"), Some(NeedsConsent(reason("A", 9)))),
            (Degraded(reason("A", 1)), refused("A"), Some(NeedsConsent(reason("A", 9)))),
            (Degraded(reason("A", 1)), nothing(false, &["A"]), Some(Active)),
            (Degraded(reason("A", 1)), nothing(true, &[]), Some(Active)),
            // Nobody could be asked: that mends nothing.
            (Degraded(reason("A", 1)), nothing(false, &["B"]), None),
            (Degraded(reason("CON-A", 1)), nothing(false, &[]), None),
            (Degraded(reason("A", 1)), missing("A"), None),
            (Degraded(reason("A", 1)), missing("B"), Some(Degraded(reason("B", 9)))),
            (NeedsConsent(reason("A", 1)), nothing(true, &[]), Some(Active)),
            (NeedsConsent(reason("A", 1)), nothing(false, &["A"]), None),
            (NeedsConsent(reason("CON-A", 1)), nothing(true, &[]), None),
            (OperatorFault(reason("CON-A", 1)), nothing(true, &[]), None),
            (Paused, nothing(true, &[]), None),
            (Paused, missing("A"), None),
            (Disconnected, nothing(true, &[]), None),
        ];
        for (former, finding, expected) in table {
            let told = format!("{former:?} {finding:?}");
            assert_eq!(after_table(&former, finding, at(9)), expected, "{told}");
        }
    }
}
