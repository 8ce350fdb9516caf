//! Takes in the page that `make web` built: cuts it where a request fills something in, and deflates what lies between.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use flate2::{Compress, Compression, FlushCompress, Status};

/// The marks of the page, by the name of the slot in `src/page.rs`.
const SLOTS: [(&str, &str); 5] =
    [("__NONCE__", "Nonce"), ("__LANG__", "Lang"), ("__TITLE__", "Title"), ("__STYLE__", "Style"), ("__PORTAL__", "Portal")];

fn main() {
    let page = folder("CARGO_MANIFEST_DIR").join("../../web/portal/dist/index.html");
    println!("cargo::rerun-if-changed={}", page.display());
    let html = fs::read_to_string(&page);
    assert!(html.is_ok(), "the sign-in page is not built yet: run `make web` first");
    let out = folder("OUT_DIR");
    let mut source = String::from("[\n");
    for (number, (text, slot)) in cut(&html.unwrap_or_default()).into_iter().enumerate() {
        let [plain, deflated] = ["html", "deflate"].map(|kind| out.join(format!("{number}.{kind}")));
        write(&plain, text.as_bytes());
        write(&deflated, &deflate(text.as_bytes()));
        let slot = slot.map_or("None".to_owned(), |slot| format!("Some(Slot::{slot})"));
        let line = writeln!(source, "Piece {{ text: include_str!({plain:?}), deflated: include_bytes!({deflated:?}), slot: {slot} }},");
        assert!(line.is_ok(), "text grows");
    }
    source.push(']');
    write(&out.join("pieces.rs"), source.as_bytes());
}

#[expect(clippy::disallowed_methods, reason = "a build script is told its folders by the environment")]
fn folder(variable: &str) -> PathBuf {
    PathBuf::from(env::var_os(variable).unwrap_or_default())
}

fn write(path: &Path, bytes: &[u8]) {
    let written = fs::write(path, bytes);
    assert!(written.is_ok(), "{} cannot be written: {written:?}", path.display());
}

/// The pieces of the page, each with the slot that follows it.
fn cut(mut rest: &str) -> Vec<(&str, Option<&str>)> {
    let mut pieces = Vec::new();
    loop {
        let next = SLOTS.iter().filter_map(|(mark, slot)| Some((rest.find(mark)?, *mark, *slot))).min_by_key(|(at, ..)| *at);
        let Some((at, mark, slot)) = next else { break };
        pieces.push((&rest[..at], Some(slot)));
        rest = &rest[at + mark.len()..];
    }
    pieces.push((rest, None));
    pieces
}

/// Deflated blocks (RFC 1951) that refer to nothing before them, end on a byte and are not the last: they can follow one another.
fn deflate(text: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(text.len() + 64);
    let status = Compress::new(Compression::best(), false).compress_vec(text, &mut blocks, FlushCompress::Full);
    assert!(matches!(status, Ok(Status::Ok)), "{status:?}");
    blocks
}
