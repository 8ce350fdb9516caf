//! Wires `picture` to Lambda.

use std::process::ExitCode;

use portico_runtime::serve_http;

fn main() -> ExitCode {
    serve_http(|deployment| Ok(picture::api(deployment)?.into_router()))
}
