//! One instance of a function: a process with the environment that Lambda would give it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Failure;
use crate::service::Service;

/// How long a call may take; under callgrind everything is fifty times slower.
const PATIENCE: Duration = Duration::from_secs(60);

/// How an instance is started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// Program and arguments.
    pub(crate) command: Vec<OsString>,
    /// The whole environment, besides what names the service.
    pub(crate) environment: BTreeMap<String, String>,
    /// What the function writes.
    pub(crate) log: PathBuf,
}

/// A running instance. It ends when it is dropped.
pub(crate) struct Instance {
    child: Child,
    pid: u32,
    service: Service,
    started: Instant,
    log: PathBuf,
}

impl Instance {
    pub(crate) async fn start(launch: &Launch) -> Result<Self, Failure> {
        let service = Service::start().await?;
        let log = File::create(&launch.log)?;
        let (program, arguments) = launch.command.split_first().ok_or("nothing to start")?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(&launch.environment)
            .env("AWS_LAMBDA_RUNTIME_API", service.address())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("cannot start {}: {error}", Path::new(program).display()))?;
        let pid = child.id().ok_or("the process ended at once")?;
        Ok(Self { child, pid, service, started, log: launch.log.clone() })
    }

    /// Answers the event; `status` is what the answer must have. The time is that of the whole call.
    pub(crate) async fn call(&mut self, event: &Value, status: u16) -> Result<(Instant, Value), Failure> {
        self.service.send(event)?;
        let answer = tokio::select! {
            answer = timeout(PATIENCE, self.service.answer()) => answer.map_err(|_| self.complaint("no answer"))??,
            ended = self.child.wait() => return Err(self.complaint(&format!("ended: {}", ended?))),
        };
        let outcome = answer.outcome.map_err(|error| self.complaint(&error))?;
        if outcome["statusCode"] != status {
            return Err(self.complaint(&format!("answered {outcome} instead of {status}")));
        }
        Ok((answer.at, outcome))
    }

    /// Makes the next call the last: the function does nothing after its answer.
    pub(crate) fn make_last(&self) {
        self.service.make_last();
    }

    /// When the process was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Processor time so far, of all threads that still are.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let on_cpu = text.split_whitespace().next().ok_or("schedstat is empty")?;
            nanoseconds += on_cpu.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The most memory that was ever resident, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// Ends the process in a way that lets callgrind write what it counted.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or("no such process")?;
        kill_process(pid, Signal::TERM)?;
        timeout(PATIENCE, self.child.wait()).await.map_err(|_| self.complaint("does not end"))??;
        Ok(())
    }

    fn complaint(&self, what: &str) -> Failure {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let mut last: Vec<_> = log.lines().rev().take(5).collect();
        last.reverse();
        format!("{}: {what}\n{}", self.log.display(), last.join("\n")).into()
    }
}
