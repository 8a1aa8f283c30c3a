//! The author's guide, done to the letter: its commands, in an empty folder, with the built binary, end with Purchases in
//! the web UI.
//!
//! Needs what an author needs: the tools of the language, and the registries they reach.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

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
    let (_, rest) = GUIDE.split_once(&format!("```sh {language}\n")).ok_or("the guide has no such block")?;
    let (commands, _) = rest.split_once("```").ok_or("the block has no end")?;
    Ok(commands.to_owned())
}

fn follow(language: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut demo = Demo::start(&commands(language)?, folder.path())?;
    let (address, name, password) = demo.told()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let purchases = runtime.block_on(purchases(&address, &name, &password));
    drop(demo);
    let purchases = purchases.map_err(|error| Failed::from(format!("{error:#}")))?;
    let rows = purchases.body.matches("<tr data-key=").count();
    assert_eq!(rows, 5, "{}", purchases.body);
    for shown in ["Large virtual machine", "14.158", "Total of 5 Purchases"] {
        assert!(purchases.body.contains(shown), "{shown}: {}", purchases.body);
    }
    Ok(())
}

/// A reference with an amount in it is told as soon as it is saved.
fn watch() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let commands = "purser plugin new acme --lang javascript\ncd acme\npurser plugin test --watch";
    let mut watching = Demo::start(commands, folder.path())?;
    let mut lines = BufReader::new(watching.shell.stdout.take().ok_or("the shell says nothing")?).lines();
    let mut verdict = || loop {
        match lines.next() {
            Some(Ok(line)) if line.contains(" Purchases: ") => return line,
            Some(Ok(_)) => {}
            _ => return "the commands ended".to_owned(),
        }
    };
    let first = verdict();
    assert!(first.ends_with("every rule that could be looked at holds"), "{first}");
    let source = folder.path().join("acme/src/plugin.js");
    let text = std::fs::read_to_string(&source)?;
    let with_amount = text.replace("`${service}/${product}`", "`${service}/${product}/${cost}`");
    assert_ne!(text, with_amount);
    std::fs::write(&source, with_amount)?;
    let second = verdict();
    assert!(second.ends_with("broken: C6"), "{second}");
    Ok(())
}

async fn purchases(address: &Url, name: &str, password: &str) -> anyhow::Result<Seen> {
    let mut visitor = Visitor::new()?;
    let form = visitor.open(address).await?.form_with("password")?;
    visitor.send(form.with("name", name).with("password", password)).await?.ok()?;
    visitor.open(address).await?.ok()
}

/// A shell that runs the commands; the last of them serves until it is stopped.
struct Demo {
    shell: Child,
    log: std::path::PathBuf,
}

impl Demo {
    fn start(commands: &str, folder: &Path) -> Result<Self, Failed> {
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
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let shell = shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(std::fs::File::create(&log)?);
        Ok(Self { shell: shell.spawn()?, log })
    }

    /// What the demo prints for a person: where to go, and how to sign in.
    fn told(&mut self) -> Result<(Url, String, String), Failed> {
        let (mut said, mut address) = (String::new(), None);
        let output = self.shell.stdout.take().ok_or("the shell says nothing")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["Purchases", url] => address = Some(Url::parse(url)?),
                ["sign", "in", "as", name, "password", password] => {
                    let address = address.ok_or("no address was printed before the sign-in")?;
                    return Ok((address, (*name).to_owned(), (*password).to_owned()));
                }
                _ => {}
            }
            said.push_str(&line);
            said.push('\n');
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        Err(format!("the commands ended before there was anything to see:\n{said}{log}").into())
    }
}

impl Drop for Demo {
    /// The shell and what it runs are one group.
    fn drop(&mut self) {
        let group = format!("-{}", self.shell.id());
        Command::new("kill").args(["-TERM", "--", &group]).status().ok();
        self.shell.wait().ok();
    }
}
