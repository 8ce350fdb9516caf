//! Listening on the loopback interface, and nowhere else.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use crate::error::LocalError;

/// A listener on `port` of 127.0.0.1, or on any free port; `variable` is what sets the port, for the error's text.
pub(crate) async fn listen(port: Option<u16>, variable: &'static str) -> Result<TcpListener, LocalError> {
    let port = port.unwrap_or(0);
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => LocalError::PortInUse { port, variable },
        _ => LocalError::io(format!("cannot listen on port {port}"))(error),
    })
}

/// The listener's address as a URL.
pub(crate) fn url(listener: &TcpListener) -> Result<String, LocalError> {
    let address = listener.local_addr().map_err(LocalError::io("the listener has no address"))?;
    Ok(format!("http://{address}"))
}
