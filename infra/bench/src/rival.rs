//! The same job for other runtimes, as somebody who knows them would write it (`rivals/`): a bundled and minified function for Node, and
//! one for Python whose modules are compiled.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::binaries::find;
use crate::instance::Launch;

/// Variables of our functions, and what other SDKs call the same.
const ALIASES: [(&str, &str); 2] = [("PORTICO_TRUST_STORE", "AWS_CA_BUNDLE"), ("AWS_REGION", "AWS_DEFAULT_REGION")];

/// Another runtime's send-code.
pub(crate) struct Rival {
    /// With its version.
    pub(crate) name: String,
    command: Vec<PathBuf>,
    environment: Vec<(&'static str, String)>,
}

impl Rival {
    /// Node 20 with the AWS SDK for JavaScript.
    pub(crate) fn node(sources: &Path, target: &Path) -> Result<Self, Failure> {
        let sources = sources.join("node");
        let (node, npm) = (program("node")?, program("npm")?);
        let function = target.join("node/function.cjs");
        let made_from = ["package-lock.json", "package.json", "function.mjs", "runtime.mjs"];
        make(&sources, &made_from, &target.join("node"), || {
            run(Command::new(&npm).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&sources))?;
            let output = format!("--outfile={}", function.display());
            run(Command::new(&npm).args(["run", "build", "--", &output]).current_dir(&sources))
        })?;
        Ok(Self { name: version("Node", &node)?, command: vec![node, function], environment: Vec::new() })
    }

    /// Python 3.11 with boto3.
    pub(crate) fn python(sources: &Path, target: &Path) -> Result<Self, Failure> {
        let (sources, folder) = (sources.join("python"), target.join("python"));
        let python = program("python3.11").or_else(|_| program("python3"))?;
        let own = folder.join("environment/bin/python");
        make(&sources, &["requirements.txt", "function.py", "runtime.py"], &folder, || {
            run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(folder.join("environment")))?;
            run(Command::new(&own).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(sources.join("requirements.txt")))?;
            for module in ["function.py", "runtime.py"] {
                fs::copy(sources.join(module), folder.join(module))?;
            }
            run(Command::new(&own).args(["-m", "compileall", "-q"]).arg(&folder))
        })?;
        // The runtime as a module: scripts are compiled anew at each start.
        let command = vec![own.clone(), "-m".into(), "runtime".into()];
        let environment = vec![("PYTHONPATH", folder.to_string_lossy().into_owned())];
        Ok(Self { name: version("Python", &own)?, command, environment })
    }

    /// How it is started where send-code would have `environment`.
    pub(crate) fn launch(&self, environment: &BTreeMap<String, String>, log: PathBuf) -> Launch {
        let mut environment = environment.clone();
        // The same, under the names that other SDKs know.
        for (known, name) in ALIASES {
            if let Some(value) = environment.get(known).cloned() {
                environment.insert(name.to_owned(), value);
            }
        }
        environment.extend(self.environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Launch { command: self.command.iter().map(Into::into).collect(), environment, log }
    }
}

/// Runs `build` unless `target` was made from these very files.
fn make(sources: &Path, files: &[&str], target: &Path, build: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    for file in files {
        wanted.extend(fs::read(sources.join(file)).map_err(|error| format!("{file}: {error}"))?);
    }
    let stamp = target.join("made-from");
    if fs::read(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    fs::create_dir_all(target)?;
    build()?;
    Ok(fs::write(stamp, wanted)?)
}

fn program(name: &str) -> Result<PathBuf, Failure> {
    find(name).ok_or_else(|| format!("{name} is not installed").into())
}

fn version(name: &str, program: &Path) -> Result<String, Failure> {
    let output = Command::new(program).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.trim().trim_start_matches("Python ").trim_start_matches('v');
    Ok(format!("{name} {number}"))
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}
