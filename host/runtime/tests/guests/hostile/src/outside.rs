//! What the guest can find out about the world around it. Without WASI: nothing.

use std::collections::HashSet;
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};

/// Everything a guest could tell two runs apart by.
#[cfg(target_os = "wasi")]
pub fn look() -> String {
    let order: Vec<u32> = (0..20).collect::<HashSet<u32>>().into_iter().collect();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let before = Instant::now();
    std::thread::sleep(Duration::from_secs(3_600));
    let slept = before.elapsed().as_secs();
    let variables = std::env::vars().count();
    let arguments = std::env::args().count();
    let file = std::fs::read_to_string("/etc/hostname").is_ok();
    let network = TcpStream::connect("127.0.0.1:1").map_err(|error| error.kind());
    format!("{order:?} {now} {slept} {variables} {arguments} {file} {network:?}")
}

#[cfg(not(target_os = "wasi"))]
pub fn look() -> String {
    let _ = (HashSet::<u32>::new, TcpStream::connect::<&str>, Instant::now, SystemTime::now, Duration::from_secs);
    "nothing".into()
}

/// Prints far more than is kept.
pub fn chatter() -> String {
    for line in 0..100_000 {
        println!("line {line}");
    }
    "printed".into()
}
