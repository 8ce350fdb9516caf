//! Counts instructions, which unlike times hardly depend on the machine and on what else it does.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Failure;
use crate::instance::{Instance, Launch};

/// Valgrind, and where its output goes.
pub(crate) struct Callgrind {
    program: PathBuf,
    folder: PathBuf,
}

impl Callgrind {
    pub(crate) fn new(program: PathBuf, folder: &Path) -> Self {
        Self { program, folder: folder.to_owned() }
    }

    /// Instructions of the whole process (all threads, user mode) from its start to the answer to the last of `events`.
    pub(crate) async fn count(&self, name: &str, launch: &Launch, events: &[Value], status: u16) -> Result<f64, Failure> {
        let output = self.folder.join(format!("{name}.{}.callgrind", events.len()));
        let mut command = vec![
            self.program.clone().into_os_string(),
            "--tool=callgrind".into(),
            format!("--callgrind-out-file={}", output.display()).into(),
        ];
        command.extend(launch.command.iter().cloned());
        let mut instance = Instance::start(&Launch { command, ..launch.clone() }).await?;
        for (number, event) in events.iter().enumerate() {
            if number + 1 == events.len() {
                instance.make_last();
            }
            instance.call(event, status).await?;
        }
        instance.end().await?;
        let text = fs::read_to_string(&output)?;
        let totals = text.lines().find_map(|line| line.strip_prefix("totals:")).ok_or("callgrind wrote no totals")?;
        Ok(totals.trim().parse()?)
    }
}
