//! The author's guide, done to the letter: its commands, in an empty folder, with the built binary, end with Purchases in
//! the web UI.
//!
//! Needs what an author needs: the tools of the language, and the registries they reach.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use libtest_mimic::Failed;
use url::Url;

use crate::Gated;
use crate::visitor::{Seen, Visitor};

const GUIDE: &str = include_str!("../../host/purser/docs/authors.md");

/// One test a language, where its tools are there.
pub fn all() -> Vec<Gated> {
    let tools: [(&str, &[&str]); 3] =
        [("rust", &["cargo"]), ("javascript", &["node", "npm"]), ("python", &["python3"])];
    let watched = Gated {
        name: "a_saved_source_is_built_and_tested_again".into(),
        unmet: missing(&["node", "npm"]),
        run: Box::new(watch),
    };
    let guided = tools.into_iter().map(|(language, programs)| Gated {
        name: format!("the_commands_of_the_author_s_guide_lead_to_purchases_in_the_web_ui_in_{language}"),
        unmet: missing(programs),
        run: Box::new(move || follow(language)),
    });
    guided.chain([watched]).collect()
}

fn missing(programs: &[&str]) -> Option<String> {
    if let Some(program) = programs.iter().find(|program| !crate::is_installed(program)) {
        return Some(format!("{program} is not installed"));
    }
    let makes_environments = || Command::new("python3").args(["-c", "import venv, ensurepip"]).output();
    match programs.contains(&"python3") && !makes_environments().is_ok_and(|output| output.status.success()) {
        true => Some("python3 has no venv module".into()),
        false => None,
    }
}

/// The commands of a language: the block of the guide that is marked with it.
fn commands(language: &str) -> Result<String, Failed> {
    block(&format!("sh {language}"))
}

fn block(mark: &str) -> Result<String, Failed> {
    let (_, rest) = GUIDE.split_once(&format!("```{mark}\n")).ok_or("the guide has no such block")?;
    let (block, _) = rest.split_once("```").ok_or("the block has no end")?;
    Ok(block.to_owned())
}

fn follow(language: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut demo = Shell::start(&commands(language)?, folder.path(), &[])?;
    let address = Url::parse(&demo.told("Purchases ")?)?;
    let sign_in = demo.told("sign in as ")?;
    let (name, password) = sign_in.split_once("password").ok_or("no password was printed")?;
    let seen = in_the_browser(async |visitor| {
        let form = visitor.open(&address).await?.form_with("password")?;
        visitor.send(form.with("name", name.trim()).with("password", password.trim())).await?.ok()?;
        visitor.open(&address).await?.ok()
    });
    assert_purchases(&seen?, 5);
    match language {
        "rust" => into_a_real_purser(&mut demo, &folder.path().join("acme-meter")),
        _ => Ok(()),
    }
}

/// The guide's last section, with the demo's vendor as the test system that its configuration names.
fn into_a_real_purser(demo: &mut Shell, project: &Path) -> Result<(), Failed> {
    let told = demo.told("answers from ")?;
    let (_, vendor) = told.rsplit_once(" on ").ok_or("no vendor was printed")?;
    let configuration = block("toml real")?.replace("https://test.acme.example", &format!("{vendor}/api"));
    assert!(configuration.contains(vendor), "{configuration}");
    std::fs::write(project.join("purser.toml"), configuration)?;
    std::fs::write(project.join("secret.txt"), "any")?;
    let listen = format!("127.0.0.1:{}", crate::support::free_port());
    let mut real = Shell::start(&block("sh real")?, project, &[("PURSER_LISTEN", &listen)])?;
    let summary = real.told("run 1 ")?;
    assert!(summary.starts_with("succeeded: "), "{summary}");
    let set_up = real.told("first start: choose a name and a password within 24 hours at ")?;
    let (set_up, purchases) = (Url::parse(&set_up)?, Url::parse(&format!("http://{listen}/purchases"))?);
    let seen = in_the_browser(async |visitor| {
        let form = visitor.open(&set_up).await?.form_with("password")?;
        let password = "a long and quiet password";
        let form = form.with("name", "ada").with("password", password).with("repeated", password);
        visitor.send(form).await?.ok()?;
        visitor.open(&purchases).await?.ok()
    });
    // One more than in the demo, whose account has the recording's settings: nobody set here that the trial is free.
    assert_purchases(&seen?, 6);
    Ok(())
}

fn assert_purchases(page: &Seen, count: usize) {
    let rows = page.body.matches("<tr data-key=").count();
    assert_eq!(rows, count, "{}", page.body);
    for shown in ["Large virtual machine", "14.158", &format!("Total of {count} Purchases")] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
}

fn in_the_browser(walk: impl AsyncFnOnce(&mut Visitor) -> anyhow::Result<Seen>) -> Result<Seen, Failed> {
    let seen = tokio::runtime::Runtime::new()?.block_on(async { walk(&mut Visitor::new()?).await });
    seen.map_err(|error| Failed::from(format!("{error:#}")))
}

/// A reference with an amount in it is told as soon as it is saved.
fn watch() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let commands = "purser plugin new acme --lang javascript\ncd acme\npurser plugin test --watch";
    let mut watching = Shell::start(commands, folder.path(), &[])?;
    let mut verdict = || watching.told(" Purchases: ");
    let first = verdict()?;
    assert!(first.ends_with("every rule that could be looked at holds"), "{first}");
    let source = folder.path().join("acme/src/plugin.js");
    let text = std::fs::read_to_string(&source)?;
    let with_amount = text.replace("`${service}/${product}`", "`${service}/${product}/${cost}`");
    assert_ne!(text, with_amount);
    std::fs::write(&source, with_amount)?;
    let second = verdict()?;
    assert!(second.ends_with("broken: C6"), "{second}");
    Ok(())
}

/// A shell that runs commands; the last of them serves until it is stopped.
struct Shell {
    process: Child,
    /// Read to the end of the shell's life: who prints into a pipe nobody holds any more is ended.
    lines: Lines<BufReader<ChildStdout>>,
    said: String,
    log: PathBuf,
}

impl Shell {
    fn start(commands: &str, folder: &Path, variables: &[(&str, &str)]) -> Result<Self, Failed> {
        let binary = Path::new(env!("CARGO_BIN_EXE_purser")).parent().ok_or("the binary lies nowhere")?;
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths =
            std::env::join_paths([binary.to_path_buf()].into_iter().chain(std::env::split_paths(&paths)))?;
        let log = folder.join("log");
        let mut shell = Command::new("sh");
        shell.arg("-ec").arg(commands).current_dir(folder).env("PATH", paths);
        // What makes this a test's process and not an author's.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let is_ours = ["CARGO_TARGET", "CARGO_PKG", "CARGO_MANIFEST", "NEXTEST", "RUSTFLAGS", "PURSER_"];
            if is_ours.iter().any(|ours| name.starts_with(ours)) {
                shell.env_remove(&name);
            }
        }
        std::os::unix::process::CommandExt::process_group(shell.envs(variables.iter().copied()), 0);
        let shell = shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(std::fs::File::create(&log)?);
        let mut process = shell.spawn()?;
        let output = process.stdout.take().ok_or("the shell says nothing")?;
        Ok(Self { process, lines: BufReader::new(output).lines(), said: String::new(), log })
    }

    /// What follows some words on the next line that has them.
    fn told(&mut self, words: &str) -> Result<String, Failed> {
        for line in self.lines.by_ref() {
            let line = line?;
            if let Some((_, told)) = line.split_once(words) {
                return Ok(told.trim().to_owned());
            }
            self.said.push_str(&line);
            self.said.push('\n');
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        Err(format!("the commands ended before they said {words:?}:\n{}{log}", self.said).into())
    }
}

impl Drop for Shell {
    /// The shell and what it runs are one group.
    fn drop(&mut self) {
        let group = format!("-{}", self.process.id());
        Command::new("kill").args(["-TERM", "--", &group]).status().ok();
        self.process.wait().ok();
    }
}
