//! The migrations are compiled in: a changed folder must compile them anew.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/sqlite");
    println!("cargo:rerun-if-changed=sqlx.toml");
}
