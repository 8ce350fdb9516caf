//! The release binaries of the functions, as they are deployed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::Failure;

/// What a zip has besides the compressed file: its local header, its entry in the directory, the directory's end.
const ZIP_BYTES: usize = 30 + 46 + 22 + 2 * "bootstrap".len();

/// Where the functions are, and the programs that the bench needs.
pub(crate) struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Those below `target`.
    pub(crate) fn new(target: &Path) -> Self {
        Self { folder: target.join("lambda") }
    }

    /// Builds all functions as they are deployed; what is up to date is left alone.
    pub(crate) fn build(root: &Path) -> Result<(), Failure> {
        let mut command = Command::new(root.join("infra/deploy-check/run"));
        command.arg("--build-only").current_dir(root);
        // What cargo sets for this process must not reach another build.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "RUSTUP_TOOLCHAIN"] {
            command.env_remove(name);
        }
        let status = command.status().map_err(|error| format!("cannot start the build: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("the build: {status}").into()) }
    }

    /// The program of a function, if it was built.
    pub(crate) fn program(&self, function: &str) -> Option<PathBuf> {
        let path = self.folder.join(function).join("bootstrap");
        path.exists().then_some(path)
    }

    /// Bytes of each function: as it is, and zipped with deflate at its best.
    pub(crate) fn sizes(&self, functions: &[String]) -> Result<BTreeMap<String, (usize, usize)>, Failure> {
        let mut sizes = BTreeMap::new();
        for function in functions {
            let Some(path) = self.program(function) else { continue };
            let program = fs::read(path)?;
            let mut zip = DeflateEncoder::new(Vec::new(), Compression::best());
            zip.write_all(&program)?;
            sizes.insert(function.clone(), (program.len(), zip.finish()?.len() + ZIP_BYTES));
        }
        Ok(sizes)
    }
}

/// A program on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    search_path().into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[expect(clippy::disallowed_methods, reason = "where programs are is known to the shell only")]
fn search_path() -> Vec<PathBuf> {
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}
