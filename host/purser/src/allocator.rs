//! The C allocator, told once what this program is like.
//!
//! A run handles bodies and pages of some megabytes by the thousand. glibc learns from the first ones that are freed to
//! take such blocks from its heaps, where they leave holes: the peak of a run then grows with its length. With a fixed
//! threshold large blocks come from the system and go back to it.

/// Blocks from this size on come from the system. Measured (`tests/bench`): 1 MiB lets a run of a million records need a
/// twentieth more memory than one of a hundred thousand, for some percent of CPU; smaller blocks cost more of it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const FROM_THE_SYSTEM: libc::c_int = 1 << 20;

/// Fixes the threshold. Called first of all, while there is one thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "glibc's own interface; it takes two numbers, and there is no safe form of it"
)]
pub fn tell() {
    // SAFETY: no other thread runs yet, and both arguments are plain numbers. Where glibc does not know the option it
    // answers 0 and changes nothing: the program runs on with a higher peak.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, FROM_THE_SYSTEM);
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn tell() {}
