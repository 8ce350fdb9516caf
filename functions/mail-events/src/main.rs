//! Wires `mail-events` to Lambda.

use std::process::ExitCode;

use portico_runtime::serve_events;

fn main() -> ExitCode {
    serve_events(|deployment, event| async move { mail_events::receive(&deployment, event).await })
}
