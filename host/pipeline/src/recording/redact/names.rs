//! Customers: their names, domains, addresses and ids.

use std::collections::{BTreeMap, HashMap};

use aho_corasick::{AhoCorasick, MatchKind};
use purser_store::runs::Fact;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::document::rewritten;
use crate::recording::Exchange;

/// Whether names are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// By others.
    Replaced,
    /// The recording is as confidential as the Purchases.
    Kept,
}

/// Parts of the names of members and columns that hold somebody's name or address.
const PERSONAL: [&str; 26] = [
    "email",
    "phone",
    "fax",
    "street",
    "address",
    "postal",
    "zipcode",
    "city",
    "firstname",
    "lastname",
    "surname",
    "givenname",
    "fullname",
    "displayname",
    "contact",
    "companyname",
    "customername",
    "organizationname",
    "organisationname",
    "partnername",
    "resellername",
    "accountname",
    "username",
    "userprincipal",
    "domain",
    "taxid",
];
/// A shorter id says nothing by itself, and might be anything else as well.
const SHORTEST_ID: usize = 8;
/// A shorter name is replaced only where it stands alone.
const SHORTEST_NAME: usize = 4;

/// What is known of customers, gathered while a run goes on.
#[derive(Debug, Default)]
pub struct Known {
    customers: BTreeMap<String, (String, String)>,
    subscriptions: BTreeMap<String, ()>,
}

impl Known {
    /// From the facts that tell of customers.
    pub fn learn(&mut self, facts: &[Fact]) {
        for fact in facts {
            let value: serde_json::Value = serde_json::from_str(&fact.value).unwrap_or_default();
            let text = |name: &str| {
                value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
            };
            match fact.kind.as_str() {
                "customer" => drop(self.customers.insert(fact.key.clone(), (text("name"), text("domain")))),
                "subscription" => drop(self.subscriptions.insert(fact.key.clone(), ())),
                _ => {}
            }
        }
    }
}

/// What stands in for a known text.
#[derive(Debug, Clone)]
enum StandIn {
    /// These words.
    Words(String),
    /// Another id of the same shape.
    Id,
}

/// Gives every name and id another, always the same.
pub struct Pseudonyms {
    key: [u8; 32],
    /// By the text in small letters: vendors spell one id in several ways.
    known: HashMap<String, StandIn>,
    /// Finds what is known inside longer texts; none: nothing is long enough.
    inside: Option<AhoCorasick>,
    numbers: HashMap<String, usize>,
}

impl Pseudonyms {
    /// For the customers of a run.
    #[must_use]
    pub fn new(key: [u8; 32], known: &Known) -> Self {
        let mut names = Self { key, known: HashMap::new(), inside: None, numbers: HashMap::new() };
        let mut spelt: Vec<&str> = Vec::new();
        for (number, (id, (name, domain))) in (1..).zip(&known.customers) {
            names.add(name, format!("Customer {number}"));
            names.add(domain, format!("customer-{number}.example"));
            names.add_id(id);
            spelt.extend([id.as_str(), name.as_str(), domain.as_str()]);
        }
        for id in known.subscriptions.keys() {
            names.add_id(id);
            spelt.push(id);
        }
        spelt.retain(|text| is_told_apart(text) && names.stand_in(text).is_some());
        let mut finder = AhoCorasick::builder();
        finder.match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(true);
        // Too many for the machine's memory would be the one way to fail: then whole values are still replaced.
        names.inside = finder.build(spelt).ok();
        names
    }

    fn add(&mut self, text: &str, other: String) {
        // A name of digits alone could as well be an amount.
        if text.contains(char::is_alphabetic) {
            self.known.entry(text.to_lowercase()).or_insert(StandIn::Words(other));
        }
    }

    fn add_id(&mut self, id: &str) {
        let says_something = id.len() >= SHORTEST_ID && id.contains(|c: char| c.is_ascii_alphabetic());
        if says_something {
            self.known.entry(id.to_lowercase()).or_insert(StandIn::Id);
        }
    }

    /// What stands in for a text, if it is known.
    fn stand_in(&self, text: &str) -> Option<String> {
        match self.known.get(&text.to_lowercase())? {
            StandIn::Words(words) => Some(words.clone()),
            StandIn::Id => Some(self.same_shape(text)),
        }
    }

    /// Letters become letters, digits digits, hexadecimal ones hexadecimal ones; everything else stays.
    fn same_shape(&self, id: &str) -> String {
        let stream =
            Sha256::new().chain_update(self.key).chain_update(id.to_lowercase().as_bytes()).finalize();
        let is_hex = id.chars().all(|c| c.is_ascii_hexdigit() || !c.is_ascii_alphanumeric());
        let letters: &[u8] = if is_hex { b"abcdef" } else { b"abcdefghijklmnopqrstuvwxyz" };
        let pick =
            |from: &[u8], byte: u8| from.get(usize::from(byte) % from.len()).copied().map_or('x', char::from);
        let other = |(c, byte): (char, &u8)| match c {
            '0'..='9' => pick(b"0123456789", *byte),
            'a'..='z' => pick(letters, *byte),
            'A'..='Z' => pick(letters, *byte).to_ascii_uppercase(),
            c => c,
        };
        id.chars().zip(stream.iter().cycle()).map(other).collect()
    }

    /// Replaces what is known of customers in an exchange.
    pub fn replace(&mut self, exchange: &mut Exchange) {
        exchange.named_texts().for_each(|(name, value)| self.text(name, value));
        exchange.download = self.inside(&exchange.download);
        if let Some(body) = exchange.body.take() {
            exchange.body = Some(self.document(&body));
        }
        if let Some(text) = exchange.text.take() {
            exchange.text = Some(self.document(&text));
        }
        if let Some(json) = exchange.json.take() {
            exchange.json = RawValue::from_string(self.document(json.get())).ok();
        }
    }

    fn document(&mut self, text: &str) -> String {
        rewritten(text, &mut |name, text| self.text(name, text))
    }

    /// One text under a name.
    pub fn text(&mut self, name: &str, text: &mut String) {
        if let Some(other) = self.stand_in(text) {
            *text = other;
        } else if is_personal(name) && !text.is_empty() {
            *text = self.numbered(name, text);
        } else {
            *text = self.inside(text);
        }
    }

    fn numbered(&mut self, name: &str, text: &str) -> String {
        let next = self.numbers.len() + 1;
        let number = *self.numbers.entry(text.to_owned()).or_insert(next);
        match text.contains('@') {
            true => format!("person-{number}@customer.example"),
            false => format!("{name} {number}"),
        }
    }

    /// What is known, and addresses of mail, inside a longer text.
    fn inside(&mut self, text: &str) -> String {
        let mut known = String::with_capacity(text.len());
        match &self.inside {
            Some(finder) => finder.replace_all_with(text, &mut known, |_, found, out| {
                out.push_str(&self.stand_in(found).unwrap_or_default());
                true
            }),
            None => known.push_str(text),
        }
        if !known.contains('@') {
            return known;
        }
        let is_end = |c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ',' | ';' | ':' | '/' | '(' | ')')
        };
        let word = |word: &str| {
            let end =
                word.char_indices().next_back().filter(|(_, c)| is_end(*c)).map_or(word.len(), |(at, _)| at);
            let (word, end) = word.split_at(end);
            let is_mail = word
                .split_once('@')
                .is_some_and(|(person, domain)| !person.is_empty() && domain.contains('.'));
            let word = if is_mail { self.numbered("mail", word) } else { word.to_owned() };
            word + end
        };
        known.split_inclusive(is_end).map(word).collect()
    }
}

/// Whether a known text is surely that one where it is found inside another.
fn is_told_apart(text: &str) -> bool {
    text.len() >= SHORTEST_NAME && text.contains(char::is_alphabetic)
}

fn is_personal(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    PERSONAL.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_tree::Tree;

    fn pseudonyms() -> Pseudonyms {
        let fact = |kind: &str, key: &str, value: &str| Fact {
            kind: kind.into(),
            key: key.into(),
            value: value.into(),
        };
        let mut known = Known::default();
        known.learn(&[
            fact(
                "customer",
                "0aa1b2c3-d4e5-4000-8000-00000000abcd",
                r#"{"name":"Bakery Jansen","domain":"jansen.test"}"#,
            ),
            fact("customer", "7", r#"{"name":"Oe","domain":""}"#),
            fact("customer", "8", r#"{"name":"Ärzte & Söhne","domain":"7.10"}"#),
            fact("subscription", "SUB-2026-X", r#"{"customer":"7"}"#),
        ]);
        Pseudonyms::new([3; 32], &known)
    }

    #[test]
    fn a_customer_is_another_one_everywhere_and_amounts_stay() {
        let mut names = pseudonyms();
        let document = r#"{"id":"0aa1b2c3-d4e5-4000-8000-00000000abcd","links":["/c/0aa1b2c3-d4e5-4000-8000-00000000abcd/x"],
            "title":"For Bakery Jansen, Oe and Ärzte & Söhne","quantity":"7","cost":7.10,"city":"Delft","note":"ask p.jansen@mail.test","who":"Oe",
            "shouted":"BAKERY JANSEN","ID":"0AA1B2C3-D4E5-4000-8000-00000000ABCD"}"#;
        let replaced = names.document(document);
        for gone in ["0aa1b2c3", "0AA1B2C3", "Jansen", "JANSEN", "Söhne", "Delft", "p.jansen", "\"Oe\""] {
            assert!(!replaced.contains(gone), "{gone} is in {replaced}");
        }
        assert!(replaced.contains(r#""quantity":"7","cost":7.10"#), "{replaced}");
        let tree = Tree::parse(&replaced).unwrap();
        let id = tree.at(&["id".into()]).unwrap().scalar().unwrap();
        assert_eq!((id.len(), id.chars().filter(|c| *c == '-').count()), (36, 4), "{id}");
        assert!(replaced.contains(&format!("/c/{id}/x")), "the same in an address: {replaced}");
        assert!(
            replaced.contains(&format!(r#""ID":"{}""#, id.to_uppercase())),
            "the same in capitals: {replaced}"
        );
        let mut asked = Exchange {
            path: [("customer".into(), "0aa1b2c3-d4e5-4000-8000-00000000abcd".into())].into(),
            ..Exchange::default()
        };
        names.replace(&mut asked);
        assert_eq!(asked.path["customer"], id, "the same in a request");
    }

    #[test]
    fn a_table_keeps_its_columns_and_a_line_its_members() {
        let mut names = pseudonyms();
        let table = "CustomerName,Cost\n\"Bakery Jansen\",1.50\nSomebody else,2\n";
        assert_eq!(names.document(table), "CustomerName,Cost\nCustomer 1,1.50\nCustomerName 1,2\n");
        assert_eq!(
            names.document("{\"a\":\"Bakery Jansen\"}\n\n{\"cost\":1.0}\n"),
            "{\"a\":\"Customer 1\"}\n\n{\"cost\":1.0}\n"
        );
    }
}
