//! What a crash leaves behind: no copy of the memory, which holds tokens, keys and passwords.

/// Forbids core files, and that other processes of the same user read this one's memory. Where the system refuses,
/// nothing is lost but that.
#[cfg(target_os = "linux")]
pub(crate) fn leave_nothing() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).ok();
    // A handler that the system pipes core files to does not ask for the limit, but for this.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
}

/// There are no core files to forbid.
#[cfg(not(target_os = "linux"))]
pub(crate) fn leave_nothing() {}
