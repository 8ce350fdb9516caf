//! Takes in the page that `make web` built.

use std::{env, fs, path::Path};

fn main() {
    #[expect(clippy::disallowed_methods, reason = "a build script is told its folders by the environment")]
    let folder = |name| env::var(name).unwrap_or_default();
    let page = Path::new(&folder("CARGO_MANIFEST_DIR")).join("../../web/portal/dist/index.html");
    println!("cargo::rerun-if-changed={}", page.display());
    let copied = fs::copy(&page, Path::new(&folder("OUT_DIR")).join("page.html"));
    assert!(copied.is_ok(), "the sign-in page is not built yet: run `make web` first");
}
