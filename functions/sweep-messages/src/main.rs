//! Wires `sweep-messages` to Lambda.

use std::process::ExitCode;

use portico_runtime::serve_schedule;

fn main() -> ExitCode {
    serve_schedule(|deployment| async move { sweep_messages::run(&deployment).await })
}
