//! A disk that takes no more: the command says so and ends; with room again the run goes on where it was.

use std::process::Command;

use purser_simulator::Config;
use purser_store::runs::RunState;

use crate::support::{stderr, stdout};
use crate::world::{Data, World};

/// The command, with files that may grow to so many kibibytes. `sh` is where the limit can be set.
fn limited(world: &World, data: &Data, kibibytes: u64) -> Command {
    let unlimited = world.purser(data);
    let mut command = Command::new("bash");
    // Ignored, so that the write fails as on a full disk and does not kill.
    let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" run 1");
    command.args(["-c", &script]).arg(unlimited.get_program());
    for (name, value) in unlimited.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_with_a_code_and_the_run_goes_on_when_there_is_room() {
    let world = World::new(Config { customers: 3, records: 40, rated_records: 40, ..Config::default() });
    let template = world.data();
    let undisturbed = template.copy();
    let output = world.purser(&undisturbed).args(["run", "1"]).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let expected = world.export(&undisturbed);

    // The plugin is compiled already, and the database can be opened; its log cannot grow far.
    let data = template.copy();
    let output = world.purser(&data).args(["run", "99"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "there is no account 99: {}", stderr(&output));
    let output = limited(&world, &data, 700).output().unwrap();
    let told = format!("{}{}", stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("STO-DISK-FULL") && told.contains("free some space"), "{told}");
    assert!(!told.contains("panicked"), "{told}");

    let begun = world.newest_run(&data).expect("the run was ordered");
    assert_eq!((begun.id.0, begun.finished_at), (1, None), "it waits to be resumed");
    let server = world.serve(&data);
    let resumed = world.wait_for_run(&data);
    server.kill();
    assert_eq!((resumed.id, resumed.state), (begun.id, RunState::Succeeded), "{}", resumed.report);
    let export = world.export(&data);
    let other: Vec<_> = export.lines().zip(expected.lines()).filter(|(is, was)| is != was).take(2).collect();
    assert!(export == expected, "the exports differ: {other:#?}");
}
