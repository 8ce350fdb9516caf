//! What documents and code say of the project is there: paths, numbers of features and statements, the OpenAPI document.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use regex_lite::Regex;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// All files of the project that people wrote.
fn files() -> Vec<PathBuf> {
    let skipped = ["target", "node_modules", "dist", ".git", ".local", "screenshots", ".venv"];
    let (mut files, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !skipped.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else {
                files.push(path);
            }
        }
    }
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known))
}

/// The numbers that a page lists in the first column of its tables.
fn listed(page: &str) -> BTreeSet<String> {
    let row = Regex::new(r"(?m)^\|\s*\**([FBSR]\d+'?)").unwrap();
    let text = read(&root().join(page));
    row.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_number_that_is_named_is_listed() {
    let mut known = listed("docs/features.md");
    known.extend(listed("docs/security.md"));
    assert!(known.len() > 150, "{}", known.len());
    let number = Regex::new(r"(?:^|[^A-Za-z0-9_#./-])([FBSR]\d{1,2}'?)(?:$|[^A-Za-z0-9_'-])").unwrap();
    let mut unknown = Vec::new();
    for path in files() {
        if has_extension(&path, &["rs", "md", "yaml", "ts", "tsx", "mjs", "toml", "py", "css"]) && !path.ends_with("template.yaml") {
            for line in read(&path).lines() {
                let comment = has_extension(&path, &["md"]) || line.contains("//") || line.contains('#');
                for found in number.captures_iter(line).filter(|_| comment) {
                    if !known.contains(&found[1]) && !known.contains(&format!("{}'", &found[1])) {
                        unknown.push(format!("{}: {}", path.strip_prefix(root()).unwrap().display(), &found[1]));
                    }
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_path_that_a_document_names_exists() {
    let quoted = Regex::new(r"`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.{}*-]+)+/?)`").unwrap();
    let linked = Regex::new(r"\]\(([^)#:]+)\)").unwrap();
    let tops: BTreeSet<String> =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    let made = ["target", "node_modules", ".local", "dist"];
    let mut missing = Vec::new();
    for path in files().iter().filter(|path| has_extension(path, &["md"])) {
        let text = read(path);
        for found in quoted.captures_iter(&text) {
            let first = found[1].split('/').next().unwrap().to_owned();
            let is_ours = tops.contains(&first) && !found[1].contains(['*', '{']) && !made.iter().any(|made| found[1].contains(made));
            if is_ours && !root().join(&found[1]).exists() {
                missing.push(format!("{}: {}", path.display(), &found[1]));
            }
        }
        for found in linked.captures_iter(&text) {
            if !path.parent().unwrap().join(&found[1]).exists() {
                missing.push(format!("{}: {}", path.display(), &found[1]));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_openapi_document_is_up_to_date() {
    let written = read(&root().join("infra/openapi.yaml"));
    assert!(written == portico_local::openapi::yaml(), "run `make openapi`");
}

/// Functions whose tests are all here are not compiled a second time for tests of their own.
#[test]
fn no_test_lies_where_none_is_run() {
    for path in files() {
        let manifest = path.ancestors().map(|folder| folder.join("Cargo.toml")).find(|manifest| manifest.is_file());
        let (text, Some(manifest)) = (read(&path), manifest) else { continue };
        if path.starts_with(root().join("functions")) && has_extension(&path, &["rs"]) && text.contains("#[cfg(test)]") {
            let lib = read(&manifest);
            let lib = lib.split("\n[").find(|section| section.starts_with("lib]")).unwrap_or_default();
            assert!(lib.lines().all(|line| line != "test = false"), "{}", path.display());
        }
    }
}
