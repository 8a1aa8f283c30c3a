//! A text that must not be shown: tokens, client secrets, keys.
//!
//! **Invariant:** it has no `Display` and no `Serialize`, its `Debug` shows a placeholder, and its memory is zeroed when
//! it is dropped. Reading it takes a call that is easy to search for.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// A text whose `Debug` shows a placeholder.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over; the caller's copy is gone.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The text itself. Never for logs, errors or pages.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_placeholder() {
        assert_eq!(format!("{:?}", Some(Secret::new("planted".into()))), "Some([secret])");
    }
}
