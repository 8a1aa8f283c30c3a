//! Where keys come from: a file, an environment variable, or what a command writes. The text is a key file's in all three.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::keyring::{KeyFault, KeyRing};

/// More than any key ring is; what a command writes beyond it is not read.
const LONGEST: usize = 64 * 1024;

/// Where keys come from.
#[derive(Clone)]
pub enum KeySource {
    /// A key file, the only source that Purser itself writes.
    File(PathBuf),
    /// An environment variable; commas stand for line ends.
    Environment(String),
    /// A command's standard output. Run without a shell; what it writes is never shown.
    Command {
        /// Program and arguments.
        line: Vec<String>,
        /// After this it is killed.
        deadline: Duration,
    },
}

/// Arguments may be secret: only the kind is shown.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl KeySource {
    /// What kind of source it is, for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "key file",
            Self::Environment(_) => "environment variable",
            Self::Command { .. } => "key command",
        }
    }

    /// Reads the keys as they are now.
    pub async fn load(&self) -> Result<KeyRing, KeyFault> {
        match self {
            Self::File(path) => KeyRing::load(path),
            Self::Environment(variable) => {
                let text = Zeroizing::new(std::env::var(variable).map_err(|_| KeyFault::NotSet)?);
                KeyRing::parse(&Zeroizing::new(text.replace(',', "\n")))
            }
            Self::Command { line, deadline } => {
                let output = tokio::time::timeout(*deadline, output_of(line)).await;
                KeyRing::parse(&output.map_err(|_| KeyFault::Command("it took too long"))??)
            }
        }
    }
}

/// Dropped at the deadline, the child is killed.
async fn output_of(line: &[String]) -> Result<Zeroizing<String>, KeyFault> {
    let (program, arguments) = line.split_first().ok_or(KeyFault::Command("it is empty"))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child =
        command.kill_on_drop(true).spawn().map_err(|_| KeyFault::Command("it can not be started"))?;
    // Room for all of it from the start: a buffer that grew would leave copies of keys behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST));
    let output = child.stdout.take().ok_or(KeyFault::Command("it has no output"))?;
    output.take(LONGEST as u64).read_to_end(&mut text).await?;
    match child.wait().await? {
        status if status.success() => {}
        _ => return Err(KeyFault::Command("it ended with an error")),
    }
    let text = std::str::from_utf8(&text).map_err(|_| KeyFault::Command("its output is no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::surroundings::Chance;

    fn command(script: &str) -> KeySource {
        let line = ["sh", "-c", script].map(str::to_owned).to_vec();
        KeySource::Command { line, deadline: Duration::from_secs(5) }
    }

    #[tokio::test]
    async fn a_command_s_output_is_the_ring() {
        let chance = Chance::seeded(4);
        let ring = KeyRing::generate(&chance).rotated(&chance);
        let (folder, file) = (tempfile::tempdir().unwrap(), "ring");
        ring.save_new(&folder.path().join(file)).unwrap();
        let source = command(&format!("cat '{}'; echo noise >&2", folder.path().join(file).display()));
        assert_eq!(source.load().await.unwrap().versions(), [1, 2]);
    }

    #[tokio::test]
    async fn what_a_failing_command_says_is_not_shown() {
        for script in ["echo planted-key; exit 3", "echo planted-key", "printf '1 planted-key'"] {
            let error = command(script).load().await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("planted"), "{script}");
        }
        assert!(!format!("{:?}", command("planted-argument")).contains("planted"));
    }

    #[tokio::test]
    async fn a_command_that_does_not_end_is_stopped() {
        let line = ["sh", "-c", "exec sleep 600"].map(str::to_owned).to_vec();
        let source = KeySource::Command { line, deadline: Duration::from_millis(50) };
        assert!(matches!(source.load().await, Err(KeyFault::Command("it took too long"))));
    }
}
