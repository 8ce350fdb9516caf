//! Wires `messages` to Lambda.

use std::process::ExitCode;

use portico_runtime::serve_http;

fn main() -> ExitCode {
    serve_http(|deployment| Ok(messages::api(deployment)?.into_router()))
}
