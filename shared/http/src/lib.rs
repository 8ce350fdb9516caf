//! What all HTTP functions share: routes with their rights, sessions and members, bodies, problems, headers.

mod api;
mod body;
mod browser;
mod current;
mod edge;
mod idempotency;
mod me;
mod outcome;
pub mod problem;
mod request;
mod running;

pub use api::{Access, Api, Route};
pub use body::Body;
pub use browser::Browser;
pub use current::{CurrentMember, CurrentUser, presented_session};
pub use idempotency::takes_key;
pub use me::{Me, picture_url};
pub use outcome::{
    PortalView, SessionView, SignInOutcome, UserView, address_refusal, clear_cookie, entry_refusal, refusal, sign_in_page,
    signed_in_response,
};
pub use problem::{FieldProblem, Kind, Problem, Problems};
pub use request::{Client, ClientAddress, Origins, PathId, Reader, batch, check_version, entity_tag, page_limit};
pub use running::{RunningSession, RunningSessions};
