//! The command line as a stranger meets it.

use crate::support::{file, purser, stderr, stdout};

#[test]
fn help_names_every_command_and_what_it_is_for() {
    let output = purser().arg("--help").output().unwrap();
    let help = stdout(&output);
    for command in ["demo", "serve", "simulator", "run", "export", "keys", "plugin", "user", "token"] {
        assert!(help.contains(command), "{command} is missing:\n{help}");
        let own = purser().args([command, "--help"]).output().unwrap();
        assert!(own.status.success());
        assert!(stdout(&own).contains("Usage:"), "{command}");
    }
}

#[test]
fn who_reads_the_first_line_only_ends_no_command() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = purser().args(["plugin", "inspect", "microsoft-csp"]).stdout(writer).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn a_wrong_configuration_key_is_named_with_the_keys_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(&folder, "purser.toml", "lisen = \"127.0.0.1:1\"\n");
    let output = purser().args(["serve", "--config"]).arg(config).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains("CFG-001") && told.contains("lisen") && told.contains("listen"), "{told}");
}

#[test]
fn an_export_of_nothing_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = purser().args(["export", "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("CLI-EMPTY"));
}

#[test]
fn a_body_that_is_no_page_ends_with_2_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let page = file(&folder, "page.json", "<html>gateway</html>");
    let output = purser()
        .args(["plugin", "map", "microsoft-csp", "--feed", "utilization", "--page"])
        .arg(page)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("CLI-NO-PAGE"), "{}", stderr(&output));
}

#[test]
fn an_unknown_feed_or_plugin_is_told_with_those_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let page = file(&folder, "page.json", "{}");
    let map = |plugin: &str| {
        purser().args(["plugin", "map", plugin, "--feed", "nothing", "--page"]).arg(&page).output().unwrap()
    };
    let feed = map("microsoft-csp");
    assert_eq!(feed.status.code(), Some(2));
    assert!(stderr(&feed).contains("customers"), "{}", stderr(&feed));
    let plugin = map("acme");
    assert_eq!(plugin.status.code(), Some(2));
    assert!(stderr(&plugin).contains("microsoft-csp"), "{}", stderr(&plugin));
}
