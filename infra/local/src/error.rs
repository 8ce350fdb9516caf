//! Why the local cloud does not start.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use portico_runtime::MissingVariable;

use crate::template::TemplateError;

/// Why the local cloud, or a part of it, does not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Another process listens on the port; the variable chooses another.
    #[error("port {port} is in use: stop the process that listens on it, or choose another port with {variable}=...")]
    PortInUse {
        /// The port.
        port: u16,
        /// The environment variable that sets it.
        variable: &'static str,
    },
    /// A setting is not usable.
    #[error("{name} {problem}")]
    Setting {
        /// The environment variable.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The operating system refuses a file or a socket.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Its answer.
        #[source]
        source: io::Error,
    },
    /// The template is not usable.
    #[error("{}", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// The embedded database refuses something.
    #[error("the database refuses: {0}")]
    Database(String),
    /// A stream cannot be handed to its function.
    #[error("{stream}: {problem}")]
    Stream {
        /// Its resource.
        stream: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The object store does not start.
    #[error("the object store refuses: {0}")]
    Objects(String),
    /// A function does not accept its environment.
    #[error("the function {function} does not start")]
    Function {
        /// The function's crate.
        function: String,
        /// Its complaint.
        source: MissingVariable,
    },
    /// The demo organisation could not be made.
    #[error("no organisation: {0}")]
    Seed(String),
}

impl LocalError {
    /// The error and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// For `map_err`: an input or output error with what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}
