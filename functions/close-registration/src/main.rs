//! Wires `close-registration` to Lambda.

use std::process::ExitCode;

use portico_runtime::serve_schedule;

fn main() -> ExitCode {
    serve_schedule(|deployment| async move { close_registration::run(&deployment).await })
}
