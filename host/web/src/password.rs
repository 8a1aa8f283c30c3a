//! Operators' passwords: argon2id, off the async threads, a few at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::{OnceCell, Semaphore};

/// The shortest password that is taken, in characters.
pub const MIN_PASSWORD_LENGTH: usize = 12;
/// Longer ones only cost time.
const MAX_PASSWORD_BYTES: usize = 1_024;
/// Each takes 19 MiB while it is computed.
const AT_A_TIME: usize = 2;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`MIN_PASSWORD_LENGTH`].
    #[error("a password has at least {MIN_PASSWORD_LENGTH} characters")]
    TooShort,
    /// Longer than a thousand bytes.
    #[error("a password has at most {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// The hash could not be computed.
    #[error("the password could not be hashed")]
    Failed,
}

/// Hashes a new password to PHC text; slow on purpose, so not for async threads.
///
/// # Errors
/// Where the password is too short or too long.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < MIN_PASSWORD_LENGTH {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordError::TooLong);
    }
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| PasswordError::Failed)?;
    Ok(hash.to_string())
}

/// Hashing and checking, bounded.
pub(crate) struct Passwords {
    permits: Semaphore,
    decoy: OnceCell<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Semaphore::new(AT_A_TIME), decoy: OnceCell::new() }
    }
}

impl Passwords {
    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let _permit = self.permits.acquire().await.map_err(|_| PasswordError::Failed)?;
        tokio::task::spawn_blocking(move || hash_password(&password))
            .await
            .map_err(|_| PasswordError::Failed)?
    }

    /// Whether it is the user's password. Without a user it takes just as long: a stranger learns no names.
    pub(crate) async fn is_right(&self, password: String, hash: Option<String>) -> bool {
        if password.len() > MAX_PASSWORD_BYTES {
            return false;
        }
        let known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash,
            None => self.decoy().await,
        };
        let Ok(_permit) = self.permits.acquire().await else { return false };
        let checked = tokio::task::spawn_blocking(move || verify(&password, &hash)).await;
        known && checked.unwrap_or(false)
    }

    async fn decoy(&self) -> String {
        let make = || self.hash("nobody has this password".to_owned());
        self.decoy.get_or_try_init(make).await.cloned().unwrap_or_default()
    }
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_right() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.is_right("correct horse battery".to_owned(), Some(hash.clone())).await);
        assert!(!passwords.is_right("wrong horse battery".to_owned(), Some(hash)).await);
        assert!(
            !passwords.is_right("nobody has this password".to_owned(), None).await,
            "the decoy opens nothing"
        );
        assert!(!passwords.is_right("anything".to_owned(), Some("damaged".to_owned())).await);
    }

    #[test]
    fn short_passwords_are_refused_by_characters_not_bytes() {
        assert_eq!(hash_password("éééééé"), Err(PasswordError::TooShort));
        assert_eq!(hash_password(&"x".repeat(2_000)), Err(PasswordError::TooLong));
    }
}
