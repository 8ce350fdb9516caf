//! Wires `deliver-messages` to Lambda.

use std::process::ExitCode;

use portico_runtime::serve_events;

fn main() -> ExitCode {
    serve_events(|deployment, event| async move { deliver_messages::deliver(&deployment, event).await })
}
