//! Sign-ins under way. In memory: whoever restarts the server meanwhile begins again.
//!
//! **Invariant:** bounded; a flow is found once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long somebody may take at the provider.
const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// More at a time are nobody's.
const MOST: usize = 1_000;

pub(super) struct Begun {
    pub browser: [u8; 32],
    pub nonce: String,
    pub verifier: String,
    pub at: Timestamp,
}

/// By the hash of the state.
#[derive(Default)]
pub(super) struct Flows(Mutex<HashMap<[u8; 32], Begun>>);

impl Flows {
    /// The oldest makes room.
    pub(super) fn put(&self, state: [u8; 32], begun: Begun) {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|_, other| is_fresh(other, begun.at));
        if flows.len() >= MOST
            && let Some(oldest) = flows.iter().min_by_key(|(_, other)| other.at).map(|(state, _)| *state)
        {
            flows.remove(&oldest);
        }
        flows.insert(state, begun);
    }

    pub(super) fn take(&self, state: &[u8; 32], now: Timestamp) -> Option<Begun> {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(state)?;
        is_fresh(&begun, now).then_some(begun)
    }
}

fn is_fresh(begun: &Begun, now: Timestamp) -> bool {
    now.duration_since(begun.at) < LIFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let flows = Flows::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let begun = |second| Begun {
            browser: [0; 32],
            nonce: String::new(),
            verifier: String::new(),
            at: at(second),
        };
        let state = |number: u16| {
            let mut state = [0; 32];
            state[..2].copy_from_slice(&number.to_le_bytes());
            state
        };
        let most = u16::try_from(MOST).unwrap();
        for number in 0..=most {
            // All within the life of one.
            flows.put(state(number), begun(i64::from(number / 10)));
        }
        assert_eq!(flows.0.lock().unwrap().len(), MOST);
        assert!(flows.take(&state(most), at(100)).is_some());
    }
}
