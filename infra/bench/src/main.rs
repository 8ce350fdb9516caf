//! `portico-bench`: what the functions cost. Runs their release binaries as Lambda would, against the local cloud behind TLS,
//! and prints what it measured beside the bars that were set.
//!
//! Instructions are counted by callgrind and repeat to a few percent on any machine (its processor has no SHA instructions, which
//! real ones have: the truth is a little better). Times depend on the machine: cold starts are compared with other runtimes' in the
//! same run.

mod binaries;
mod callgrind;
mod case;
mod cost;
mod event;
mod instance;
mod measure;
mod report;
mod rival;
mod service;
mod tls;
mod world;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use binaries::Binaries;
use callgrind::Callgrind;
use case::Case;
use cost::Invocation;
use measure::Measured;
use report::{Bar, Report};
use rival::Rival;
use world::World;

/// Nothing here is handled but told.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

const HELP: &str = "\
portico-bench [--no-build] [--no-rivals] [--strict]

  --no-build   measures the binaries that are in target/lambda already
  --no-rivals  leaves the comparison with Node and Python out
  --strict     fails when a bar is missed
";

/// Cold starts of each runtime.
const ROUNDS: usize = 15;
const MIB: f64 = 1_048_576.0;

#[derive(Debug, Default)]
struct Options {
    no_build: bool,
    no_rivals: bool,
    strict: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut options = Options::default();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--no-build" => options.no_build = true,
            "--no-rivals" => options.no_rivals = true,
            "--strict" => options.strict = true,
            _ => {
                say(&mut io::stderr(), HELP);
                return ExitCode::from(2);
            }
        }
    }
    match run(&options).await {
        Ok(report) if options.strict && report.missed() > 0 => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            say(&mut io::stderr(), &format!("portico-bench: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<Report, Failure> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.join("../..").canonicalize()?;
    let target = target(&root);
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let progress = |text: &str| say(&mut io::stderr(), &format!("{text}\n"));
    let mut report = Report::default();

    let world = World::start(&folder).await?;
    let functions: Vec<_> = world.cloud.template().functions.iter().map(|function| function.crate_name.clone()).collect();
    if !options.no_build {
        progress("building the functions");
        Binaries::build(&root)?;
    }
    let binaries = Binaries::new(&target);
    let sizes = binaries.sizes(&functions)?;
    let callgrind = binaries::find("valgrind").map(|program| Callgrind::new(program, &folder));
    if callgrind.is_none() {
        report.note("instructions are not counted: install valgrind (`apt-get install valgrind`)".to_owned());
    }

    let mut measured = BTreeMap::new();
    for case in Case::ALL {
        let Some(program) = binaries.program(case.function()) else {
            report.note(format!("{} is not built", case.function()));
            continue;
        };
        progress(case.name());
        let figures = measure::measure(case, &world, &program, &folder, callgrind.as_ref()).await?;
        describe(&mut report, case, &figures);
        measured.insert(case.name(), figures);
    }
    for (function, (plain, zipped)) in &sizes {
        report.add("package", function, "binary MiB", mib(*plain), None);
        report.add("package", function, "zip MiB", mib(*zipped), Some(Bar::AtMost(4.0)));
    }
    if let (Some(send), Some(verify)) = (measured.get(Case::CodeToPhone.name()), measured.get(Case::KnownUserVerifies.name())) {
        sign_in(&mut report, send, verify, (world.memory_mb("send-code"), world.memory_mb("verify-code")));
    }
    if let Some(program) = binaries.program("send-code").filter(|_| !options.no_rivals) {
        progress("cold starts");
        if let Err(error) = compare(&mut report, &world, &program, &own.join("rivals"), &folder).await {
            report.note(format!("cold starts are not compared: {error}"));
        }
    }

    fs::write(target.join("bench.json"), serde_json::to_vec_pretty(&report)?)?;
    say(&mut io::stdout(), &format!("\n{}", report.table()));
    Ok(report)
}

/// The figures of one kind of call.
fn describe(report: &mut Report, case: Case, measured: &Measured) {
    let name = case.name();
    let at_most = |bar| Some(Bar::AtMost(bar));
    let mut add = |figure, value, bar| report.add("call", name, figure, value, bar);
    if let Some((first, warm)) = measured.instructions {
        let bar = if case.function() == "send-code" { 20.0 } else { 8.0 };
        add("M instr. first", first / 1e6, at_most(bar));
        add("warm", warm / 1e6, None);
        add("warm, a DB call", warm / 1e6 / measured.database_calls.max(1.0), at_most(0.8));
    }
    add("peak MiB", measured.memory_mib, at_most(16.0));
    add("CPU ms first", measured.cold_ms, None);
    add("warm ", measured.warm_ms, None);
    let trips = match case {
        Case::CodeToPhone | Case::CodeToMailbox | Case::UserReadsSession => at_most(2.0),
        Case::KnownUserVerifies => at_most(3.0),
        _ => None,
    };
    add("DB calls", measured.database_calls, None);
    add("round trips", measured.round_trips, trips);
    add("RRU", measured.read_units, None);
    add("WRU", measured.write_units, None);
}

/// A sign-in by code: both calls together, and what a million of them cost.
fn sign_in(report: &mut Report, send: &Measured, verify: &Measured, memory: (f64, f64)) {
    let invocation = |measured: &Measured, sends, memory_mb| Invocation {
        warm_ms: measured.warm_ms,
        cold_ms: measured.cold_ms,
        round_trips: measured.round_trips,
        read_units: measured.read_units,
        write_units: measured.write_units,
        sends,
        memory_mb,
    };
    let name = "send and verify";
    report.add("sign-in", name, "WRU", send.write_units + verify.write_units, Some(Bar::AtMost(6.0)));
    report.add("sign-in", name, "RRU", send.read_units + verify.read_units, Some(Bar::AtMost(3.0)));
    report.add("sign-in", name, "round trips", send.round_trips + verify.round_trips, Some(Bar::AtMost(5.0)));
    let parts = cost::per_million(&[invocation(send, true, memory.0), invocation(verify, false, memory.1)]);
    for (part, dollars) in &parts {
        report.add("a million sign-ins", part, "USD", *dollars, None);
    }
    let sum = parts.iter().map(|(_, dollars)| dollars).sum();
    report.add("a million sign-ins", "all, without messages", "USD", sum, Some(Bar::AtMost(7.0)));
}

/// Cold starts beside other runtimes'.
async fn compare(report: &mut Report, world: &World, program: &Path, sources: &Path, folder: &Path) -> Result<(), Failure> {
    let mut rivals = Vec::new();
    for (rival, least) in [(Rival::node(sources, folder), 20.0), (Rival::python(sources, folder), 40.0)] {
        match rival {
            Ok(rival) => rivals.push((rival, least)),
            Err(error) => report.note(format!("a rival is left out: {error}")),
        }
    }
    let (rivals, bars): (Vec<_>, Vec<_>) = rivals.into_iter().unzip();
    let medians = measure::cold_starts(world, program, &rivals, folder, ROUNDS).await?;
    let Some((ours, theirs)) = medians.split_first() else { return Ok(()) };
    report.add("cold start", "Rust", "ms", *ours, None);
    for ((rival, bar), median) in rivals.iter().zip(bars).zip(theirs) {
        report.add("cold start", &rival.name, "ms", *median, None);
        report.add("cold start", &rival.name, "times ours", median / ours, Some(Bar::AtLeast(bar)));
    }
    Ok(())
}

fn mib(bytes: usize) -> f64 {
    u32::try_from(bytes).map_or(f64::INFINITY, f64::from) / MIB
}

/// Where cargo puts what it builds.
#[expect(clippy::disallowed_methods, reason = "cargo is told by its environment")]
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

fn say(to: &mut impl Write, text: &str) {
    // Nobody reads: nothing to tell.
    to.write_all(text.as_bytes()).ok();
}
