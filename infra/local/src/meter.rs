//! A proxy before the database that counts calls and capacity, and makes calls fail on demand.

mod call;
mod fault;
mod proxy;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

pub use call::{Call, round_trips};
pub use fault::{Fault, Rule};

use crate::error::LocalError;
use crate::net;
use crate::rights::{self, Rights};

/// What the ARNs of the template's tables begin with.
const TABLES: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/";
/// Calls that are kept; older ones are forgotten.
const KEPT: usize = 200_000;

/// Counts what goes to the database. Clones share one record.
#[derive(Clone)]
pub struct Meter {
    endpoint: String,
    rights: Arc<Rights>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: VecDeque<Call>,
    rules: Vec<Rule>,
}

impl Meter {
    /// Serves on any free port before the database at `upstream`, as one of `tasks`. Callers are held to `rights`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(upstream: &str, rights: Arc<Rights>, tasks: &mut JoinSet<()>) -> Result<Self, LocalError> {
        let listener = net::listen(None, "PORT").await?;
        let meter = Self { endpoint: net::url(&listener)?, rights, state: Arc::default() };
        tasks.spawn(proxy::serve(listener, upstream.to_owned(), meter.clone()));
        Ok(meter)
    }

    /// The address for `AWS_ENDPOINT_URL_DYNAMODB`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Forgets all calls and all rules.
    pub fn reset(&self) {
        *self.state() = State::default();
    }

    /// The calls since the last [`reset`](Self::reset), in the order of their end.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// Sequential round trips since the last [`reset`](Self::reset); see [`round_trips`].
    #[must_use]
    pub fn round_trips(&self) -> usize {
        round_trips(&self.calls())
    }

    /// Read and write request units since the last [`reset`](Self::reset).
    #[must_use]
    pub fn units(&self) -> (f64, f64) {
        self.state().calls.iter().fold((0.0, 0.0), |(reads, writes), call| (reads + call.read_units, writes + call.write_units))
    }

    /// Makes calls fail from now on. Of several rules that a call hits, the first given decides.
    pub fn fail(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    fn record(&self, call: Call) {
        let mut state = self.state();
        if state.calls.len() == KEPT {
            state.calls.pop_front();
        }
        state.calls.push_back(call);
    }

    /// The refusal of a call that takes a right which its caller does not have.
    fn refusal(&self, caller: &str, rights: &BTreeSet<(String, String)>) -> Option<Fault> {
        rights.iter().find_map(|(action, table)| {
            let arn = format!("{TABLES}{table}");
            (!self.rights.allow(caller, action, &arn)).then(|| Fault::Denied(rights::refusal(caller, action, &arn)))
        })
    }

    /// The fault that the call hits, if any.
    fn fault(&self, operation: &str, tables: &[String], body: &[u8]) -> Option<Fault> {
        let mut state = self.state();
        let fault = state.rules.iter_mut().find_map(|rule| rule.hit(operation, tables, body));
        state.rules.retain(|rule| rule.times > 0);
        fault
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Meter").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
