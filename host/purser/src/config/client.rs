//! How an app registration proves itself, as the operator configures it: a secret or a certificate, and the next one
//! while they are exchanged.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use purser_vendor::{Certificate, Credential, Secret};
use serde::Deserialize;

use crate::failure::Failure;

/// One credential: a secret, or a certificate with its key.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClientCredential {
    /// The secret; better in a file.
    pub client_secret: Option<String>,
    /// File with the secret.
    pub client_secret_file: Option<PathBuf>,
    /// The day (UTC) on which the secret ends.
    pub client_secret_expires: Option<Date>,
    /// File with the certificate in PEM.
    pub client_certificate_file: Option<PathBuf>,
    /// File with its key in PEM, without a passphrase.
    pub client_key_file: Option<PathBuf>,
}

impl ClientCredential {
    /// The credential; none where nothing is configured.
    ///
    /// # Errors
    /// Where a file cannot be read, or what is configured does not fit together.
    pub fn read(&self) -> Result<Option<Credential>, Failure> {
        let certificate = match (&self.client_certificate_file, &self.client_key_file) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(read_certificate(certificate, key)?),
            _ => {
                return Err(unfit(
                    "a client certificate needs both client-certificate-file and client-key-file",
                ));
            }
        };
        match (self.secret()?, certificate) {
            (Some(_), Some(_)) => Err(unfit("a credential is both a client secret and a client certificate")),
            (None, certificate) => Ok(certificate),
            (Some(secret), None) => {
                Ok(Some(Credential { expires: self.secret_ends(), ..Credential::secret(secret) }))
            }
        }
    }

    fn secret(&self) -> Result<Option<Secret>, Failure> {
        let Some(file) = &self.client_secret_file else {
            return Ok(self.client_secret.clone().map(Secret::new));
        };
        let secret =
            std::fs::read_to_string(file).map_err(|error| unreadable("client-secret-file", &error))?;
        Ok(Some(Secret::new(secret.trim().to_owned())))
    }

    fn secret_ends(&self) -> Option<Timestamp> {
        self.client_secret_expires?.to_zoned(TimeZone::UTC).ok().map(|begin| begin.timestamp())
    }
}

fn read_certificate(certificate: &Path, key: &Path) -> Result<Credential, Failure> {
    let certificate =
        std::fs::read(certificate).map_err(|error| unreadable("client-certificate-file", &error))?;
    let key = std::fs::read(key).map_err(|error| unreadable("client-key-file", &error))?;
    let certificate = Certificate::from_pem(&certificate, &key).map_err(|fault| unfit(&fault.to_string()))?;
    Ok(Credential::certificate(certificate))
}

fn unreadable(key: &str, error: &std::io::Error) -> Failure {
    let what = format!("the file of {key} cannot be read: {error}");
    Failure::input("CFG-002", what, "name a file that Purser may read")
}

fn unfit(what: &str) -> Failure {
    let remedy =
        "give one client secret, or a certificate and its RSA key in PEM; the next one goes under `next`";
    Failure::input("CFG-005", what, remedy)
}
