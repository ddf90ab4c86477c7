//! Builds a release again when the pages were built; never builds the pages itself.
use std::{env, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    // A debug build reads the pages from the tree while it runs. A release build holds them, and without the line below
    // one that was made before the pages would hold none of them after they appear.
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=web/dist");
        if !Path::new("web/dist/index.html").exists() {
            println!("cargo:warning=the pages are not built (make web): the server will answer 503 for them");
        }
    }
}
