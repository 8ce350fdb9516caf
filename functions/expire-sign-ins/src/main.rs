//! Wires `expire-sign-ins` to Lambda.

use std::process::ExitCode;

use portico_runtime::serve_schedule;

fn main() -> ExitCode {
    serve_schedule(|deployment| async move { expire_sign_ins::run(&deployment).await })
}
