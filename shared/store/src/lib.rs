//! What Portico remembers, in DynamoDB: one file per aggregate, methods named by intent, each one atomic.
//!
//! The guard of a rule is the condition of the write that it guards (S5, S6, R6, R8). Keys start with the tenant: an organisation or
//! one of its portals (S42). Every lifetime is stored and judged by the caller; the table's clean-up only tidies up (R25).

mod account;
mod agreements;
mod attributes;
mod authenticators;
mod balance;
mod calls;
mod codes;
mod idempotency;
mod identities;
mod invitations;
mod items;
mod ledger;
mod members;
mod message_settings;
mod messages;
mod news;
mod organisations;
mod passwords;
mod pictures;
mod portals;
mod promises;
mod reports;
mod scans;
mod sessions;
mod spend;
mod transaction;
mod user_lists;
mod users;
mod wechat;
mod wechat_flows;
mod whitelist;

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use portico_runtime::{Deployment, MissingVariable, describe};

pub use authenticators::{Credentials, Sealed, StoredAuthenticator};
pub use balance::TopUp;
pub use codes::{CodeFacts, Guess, NewCode, Recipient, Then};
pub use idempotency::{Hold, KeptAnswer, KeyedCall, LONGEST_KEPT_BODY, Tenant, Turn};
pub use identities::Bound;
pub use invitations::{InvitationMoved, InvitationPage, InvitationToken, Invited, NewInvitation};
pub use ledger::{DayFigure, LedgerFilter, LedgerPage};
pub use members::{MemberSession, MemberToken};
pub use message_settings::{Signature, SignatureState, StoredMessageSettings};
pub use messages::{Claimed, Entry, Place, Posted};
pub use news::NewsPlace;
pub use organisations::{Organisation, SeatsBelowUse};
pub use passwords::{GuessRow, Guessed, PasswordCase, StoredPassword};
pub use portals::{LinkError, Saved};
pub use scans::{Scan, ScanId, ScanState};
pub use sessions::{Device, Opening, SessionRecord, SessionToken, Signed};
pub use spend::Sending;
pub use user_lists::Page;
pub use users::{Advance, Change, Decision, Enrol, Written};
pub use wechat::{BindError, StoredToken, TokenLease, TokenState, WeChatAccount};
pub use wechat_flows::{BrowserHash, BrowserSecret, Departure, Pending, WeChatState, scene};
pub use whitelist::RowPage;

/// A table that a function may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Organisations, portals, links, whitelists.
    Portals,
    /// Users, their addresses, invitations and sessions, members, seats.
    Users,
    /// Codes, counters, spent tickets, answers to calls with a key.
    Codes,
    /// Messages, as outbox and as ledger; balances; news for administrators.
    Messages,
}

impl Table {
    /// The variable that names the table.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Portals => "PORTALS_TABLE",
            Self::Users => "USERS_TABLE",
            Self::Codes => "CODES_TABLE",
            Self::Messages => "MESSAGES_TABLE",
        }
    }
}

/// The names of the tables; empty where the function was not given the table.
#[derive(Debug, Clone, Default)]
struct Tables {
    portals: String,
    users: String,
    codes: String,
    messages: String,
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
    /// Opens the tables that a function declares; the template gives it the same ones.
    pub fn open(deployment: &Deployment, given: &[Table]) -> Result<Self, MissingVariable> {
        let mut tables = Tables::default();
        for table in given {
            let name = deployment.table(table.variable())?;
            match table {
                Table::Portals => tables.portals = name,
                Table::Users => tables.users = name,
                Table::Codes => tables.codes = name,
                Table::Messages => tables.messages = name,
            }
        }
        Ok(Self { client: Client::new(&deployment.aws("DYNAMODB")), tables })
    }

    /// Whether the function was given a table.
    pub fn has(&self, table: Table) -> bool {
        !match table {
            Table::Portals => &self.tables.portals,
            Table::Users => &self.tables.users,
            Table::Codes => &self.tables.codes,
            Table::Messages => &self.tables.messages,
        }
        .is_empty()
    }
}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata,
{
    fn from(error: SdkError<E, R>) -> Self {
        Self::Unavailable(describe(&error))
    }
}

impl From<aws_sdk_dynamodb::error::BuildError> for StoreError {
    fn from(error: aws_sdk_dynamodb::error::BuildError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
