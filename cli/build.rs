//! How the program is linked: functions with the same machine code are kept once.
//!
//! Generic code of the table engine, the runtime and serde is compiled anew for each type, and much of it comes out equal.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // Only here is the linker known to take the option: the toolchain brings its own, LLVM's, for this one target.
    if is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("PROFILE", "release")
    {
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    }
}
