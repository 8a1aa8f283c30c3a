//! A recording as a vendor: for each request the answer that was recorded.
//!
//! Asked the same again, it gives the answers in the order they were recorded, and the last one for ever: so a plugin that
//! polls sees the vendor at work and then done.

use std::collections::{BTreeMap, HashMap};

use super::{Exchange, Recording};

/// The answers of one walk over a recording.
pub struct Answers<'r> {
    recording: &'r Recording,
    by_request: HashMap<String, Vec<usize>>,
    given: HashMap<String, usize>,
}

/// Nobody recorded an answer to this request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the recording has no answer to {0}")]
pub struct NotRecorded(pub String);

impl<'r> Answers<'r> {
    /// From the start.
    #[must_use]
    pub fn new(recording: &'r Recording) -> Self {
        let mut by_request: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, exchange) in recording.exchanges.iter().enumerate() {
            by_request.entry(key(exchange)).or_default().push(position);
        }
        Self { recording, by_request, given: HashMap::new() }
    }

    /// The next answer to a request, and its position in the recording.
    ///
    /// # Errors
    /// Where there is none.
    pub fn next(&mut self, asked: &Exchange) -> Result<(usize, &'r Exchange), NotRecorded> {
        let with_any = Exchange { asked_with: BTreeMap::new(), ..asked.clone() };
        let keys = [key(asked), key(&with_any)].into_iter();
        let found = keys.filter_map(|key| Some((self.by_request.get(&key)?, key))).next();
        let (positions, key) = found.ok_or_else(|| NotRecorded(asked.words()))?;
        let given = self.given.entry(key).or_default();
        let position = positions.get(*given).or(positions.last()).copied();
        *given += 1;
        let found = position.and_then(|position| Some((position, self.recording.exchanges.get(position)?)));
        found.ok_or_else(|| NotRecorded(asked.words()))
    }
}

/// What makes a request the same: not the feed that makes it.
fn key(exchange: &Exchange) -> String {
    format!("{}\n{}", exchange.words(), exchange.body.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Head;
    use purser_runtime::contract::types::RunContext;

    fn recording(exchanges: Vec<Exchange>) -> Recording {
        let context = RunContext {
            settings: "{}".into(),
            as_of: String::new(),
            local_date: String::new(),
            window_from: String::new(),
            window_to: String::new(),
            cloud: String::new(),
            locale: String::new(),
        };
        Recording { head: Head::new("c", &context), exchanges }
    }

    fn exchange(status: u16) -> Exchange {
        Exchange { call: "poll".into(), status, ..Exchange::default() }
    }

    fn with_locale(locale: &str, status: u16) -> Exchange {
        Exchange { asked_with: [("x-locale".into(), locale.into())].into(), ..exchange(status) }
    }

    #[test]
    fn the_same_request_gets_its_answers_in_turn_and_then_the_last() {
        let recording = recording(vec![exchange(202), exchange(200)]);
        let mut answers = Answers::new(&recording);
        let statuses: Vec<u16> = (0..3).map(|_| answers.next(&exchange(0)).unwrap().1.status).collect();
        assert_eq!(statuses, [202, 200, 200]);
        let other = Exchange { call: "other".into(), ..Exchange::default() };
        assert_eq!(answers.next(&other).unwrap_err(), NotRecorded("other".into()));
    }

    #[test]
    fn requests_that_differ_in_a_header_have_answers_of_their_own() {
        let recording = recording(vec![with_locale("en-US", 200), with_locale("nl-NL", 201), exchange(404)]);
        let mut answers = Answers::new(&recording);
        let mut status = |locale| answers.next(&with_locale(locale, 0)).unwrap().1.status;
        assert_eq!([status("nl-NL"), status("en-US")], [201, 200], "in whatever order they are made");
        assert_eq!(status("de-DE"), 404, "what was recorded without headers answers to any");
    }
}
