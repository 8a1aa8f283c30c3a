//! A text that must not be shown: tokens, client secrets, keys.
//!
//! **Invariant:** it has no `Display` and no `Serialize`, its `Debug` shows a placeholder, and its memory is zeroed when
//! it is dropped. Reading it takes a call that is easy to search for.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

/// A text whose `Debug` shows a placeholder.
#[derive(Clone)]
pub struct Secret(SecretString);

/// Why a text can be no account's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// There is nothing, or blanks only.
    #[error("the secret is empty")]
    Empty,
    /// Longer than servers take in a header.
    #[error("the secret is longer than {} characters", Secret::LONGEST)]
    TooLong,
    /// Not to be sent in a header.
    #[error("the secret holds a line break or another character that no header can carry")]
    Unsendable,
}

impl Secret {
    /// Characters a secret that somebody enters may have.
    pub const LONGEST: usize = 4096;

    /// A secret as somebody enters it, to be sent in a header. Blanks around it are dropped: they would be lost on the way.
    ///
    /// # Errors
    /// Where it could never arrive at a vendor as it is.
    pub fn entered(text: String) -> Result<Self, SecretFault> {
        let text = Zeroizing::new(text);
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return Err(SecretFault::Empty);
        }
        if text.len() > Self::LONGEST {
            return Err(SecretFault::TooLong);
        }
        if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(SecretFault::Unsendable);
        }
        Ok(Self::new(text.to_owned()))
    }

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
    fn what_is_entered_can_be_sent_as_it_is_or_is_refused() {
        let entered = |text: &str| Secret::entered(text.to_owned()).map(|secret| secret.expose().to_owned());
        for (text, kept) in [("key", "key"), ("  key one ", "key one"), ("~!\"", "~!\"")] {
            assert_eq!(entered(text).as_deref(), Ok(kept));
        }
        let longest = "k".repeat(Secret::LONGEST);
        assert_eq!(entered(&longest).as_deref(), Ok(longest.as_str()));
        assert_eq!(entered(&format!("{longest}k")), Err(SecretFault::TooLong));
        for text in ["", "   "] {
            assert_eq!(entered(text), Err(SecretFault::Empty));
        }
        for text in ["key\n", "a\r\nx: y", "a\tb", "\u{0}", "a\u{7f}", "clé"] {
            assert_eq!(entered(text), Err(SecretFault::Unsendable), "{text:?}");
        }
    }

    #[test]
    fn debug_shows_a_placeholder() {
        assert_eq!(format!("{:?}", Some(Secret::new("planted".into()))), "Some([secret])");
    }
}
