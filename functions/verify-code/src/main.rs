//! Wires `verify-code` to Lambda.

use std::process::ExitCode;

use portico_runtime::serve_http;

fn main() -> ExitCode {
    serve_http(|deployment| Ok(verify_code::api(deployment)?.into_router()))
}
