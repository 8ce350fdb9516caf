//! What Portico remembers, in DynamoDB: one file per aggregate, methods named by intent, each one atomic.
//!
//! The guard of a rule is the condition of the write that it guards (S5, S6, R6, R8). Keys start with the tenant: an organisation or
//! one of its portals (S42). Every lifetime is stored and judged by the caller; the table's clean-up only tidies up (R25).

mod codes;
mod items;
mod members;
mod organisations;
mod portals;
mod sessions;
mod transaction;
mod users;

use aws_sdk_dynamodb::{
    Client,
    error::{DisplayErrorContext, SdkError},
};
use aws_types::SdkConfig;

pub use codes::{Attempt, LiveCode, Recipient};
pub use members::{MemberSession, MemberToken};
pub use organisations::{Organisation, SeatsBelowUse};
pub use portals::{LinkError, Saved};
pub use sessions::{SessionRecord, SessionToken, Signed};
pub use users::{Decision, Enrolment, Page, Transition};

/// The names of the tables.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Organisations, portals, links.
    pub portals: String,
    /// Users, their addresses and sessions, members, seats.
    pub users: String,
    /// Codes, counters, spent tickets.
    pub codes: String,
}

/// The tables, and the client that reaches them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    tables: Tables,
}

/// Why the tables gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB could not be reached, throttled us to the end, or conflicts did not cease (R10). Nothing was half written.
    #[error("the tables are unavailable: {0}")]
    Unavailable(String),
    /// An item does not have the shape that we write.
    #[error("an item of {0} is malformed: {1}")]
    Malformed(&'static str, String),
}

impl Store {
    /// A store over these tables.
    pub fn new(settings: &SdkConfig, tables: Tables) -> Self {
        Self { client: Client::new(settings), tables }
    }
}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        Self::Unavailable(DisplayErrorContext(error).to_string())
    }
}

impl From<aws_sdk_dynamodb::error::BuildError> for StoreError {
    fn from(error: aws_sdk_dynamodb::error::BuildError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
