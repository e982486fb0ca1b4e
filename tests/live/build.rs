//! Has the program's own function called for every `ioctl`, which counts it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-Wl,--wrap=ioctl");
}
