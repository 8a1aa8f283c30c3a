//! What is taken out of a recording before it is written down.
//!
//! Secrets go as they come in, so that they are in no file for a moment: signatures of addresses, values of members named
//! as tokens or passwords, bearer tokens wherever they stand. Names go at the end, when all customers are known: a
//! customer's name, domain and ids become others, the same ones wherever they stand, so that the pages still fit together
//! and JSON pointers and columns lead to where they led. Amounts stay.
//!
//! **Invariant:** both are consistent: equal values become equal ones, and what is redacted twice is what it was redacted
//! once. So a plugin that passes on what it received asks for what was recorded.

mod document;
mod names;
mod secrets;

pub use names::{Known, Names, Pseudonyms};
pub use secrets::{Secrets, address};
