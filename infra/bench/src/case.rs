//! The calls that are measured: what people and administrators do most.

use serde_json::{Value, json};

use crate::Failure;
use crate::event::{Credentials, Request};
use crate::world::World;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    CodeToPhone,
    CodeToMailbox,
    KnownUserVerifies,
    StrangerRegisters,
    UserReadsSession,
    UserTakesToken,
    VisitorOpensPage,
    AdministratorListsUsers,
    AdministratorApproves,
    AdministratorListsPortals,
}

/// Users on the page that an administrator reads.
const LISTED: usize = 50;

impl Case {
    pub(crate) const ALL: [Self; 10] = [
        Self::CodeToPhone,
        Self::CodeToMailbox,
        Self::KnownUserVerifies,
        Self::StrangerRegisters,
        Self::UserReadsSession,
        Self::UserTakesToken,
        Self::VisitorOpensPage,
        Self::AdministratorListsUsers,
        Self::AdministratorApproves,
        Self::AdministratorListsPortals,
    ];

    /// As the table has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CodeToPhone => "send-code (phone)",
            Self::CodeToMailbox => "send-code (email)",
            Self::KnownUserVerifies => "verify-code (known user)",
            Self::StrangerRegisters => "register",
            Self::UserReadsSession => "session (read)",
            Self::UserTakesToken => "session (token)",
            Self::VisitorOpensPage => "portal-page",
            Self::AdministratorListsUsers => "users (50 listed)",
            Self::AdministratorApproves => "approve",
            Self::AdministratorListsPortals => "portals (list)",
        }
    }

    /// The function that answers.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::CodeToPhone | Self::CodeToMailbox => "send-code",
            Self::KnownUserVerifies => "verify-code",
            Self::StrangerRegisters => "register",
            Self::UserReadsSession | Self::UserTakesToken => "session",
            Self::VisitorOpensPage => "portal-page",
            Self::AdministratorListsUsers => "users",
            Self::AdministratorApproves => "approve",
            Self::AdministratorListsPortals => "portals",
        }
    }

    /// The status of the right answer.
    pub(crate) fn status(self) -> u16 {
        if self.function() == "send-code" { 202 } else { 200 }
    }

    /// What must be there before any call.
    pub(crate) async fn prepare(self, world: &World) -> Result<(), Failure> {
        if self == Self::AdministratorListsUsers {
            for _ in 0..LISTED {
                world.applicant(&world.phone()).await?;
            }
        }
        Ok(())
    }

    /// An event for one call. Each is for a person of its own, who is made for it.
    pub(crate) async fn event(self, world: &World) -> Result<Value, Failure> {
        let (portal, admin) = (world.portal_path(), world.admin_path());
        let bearer = Credentials::Bearer(&world.organisation.administrator.session);
        let post = |route, path: &str, credentials, body| Request { method: "POST", route, path, query: "", credentials, body }.event();
        let get = |route, path: &str, query, credentials| Request { method: "GET", route, path, query, credentials, body: None }.event();
        let code = |address: String| {
            let body = json!({"address": address, "purpose": "sign-in", "locale": "en"});
            post("/v1/portals/{portal}/codes", &format!("{portal}/codes"), Credentials::Nobody, Some(body))
        };
        Ok(match self {
            Self::CodeToPhone => code(world.phone()),
            Self::CodeToMailbox => code(world.mailbox()),
            Self::KnownUserVerifies => {
                let phone = world.phone();
                world.user(&phone).await?;
                let proof = world.proof(&phone).await?;
                post("/v1/portals/{portal}/sessions", &format!("{portal}/sessions"), Credentials::Nobody, Some(proof))
            }
            Self::StrangerRegisters => {
                let registration = world.stranger(&world.phone()).await?;
                let path = format!("{portal}/registration");
                post("/v1/portals/{portal}/registration", &path, Credentials::Nobody, Some(registration))
            }
            Self::UserReadsSession => {
                let session = world.user(&world.phone()).await?;
                get("/v1/session", "/v1/session", "", Credentials::Cookie(&session))
            }
            Self::UserTakesToken => {
                let session = world.user(&world.phone()).await?;
                post("/v1/session/token", "/v1/session/token", Credentials::Cookie(&session), None)
            }
            Self::VisitorOpensPage => get("/p/{suffix}", &format!("/p/{}", world.organisation.suffix), "", Credentials::Nobody),
            Self::AdministratorListsUsers => {
                let query = format!("status=pending&limit={LISTED}");
                get("/v1/admin/portals/{portal}/users", &format!("{admin}/users"), &query, bearer)
            }
            Self::AdministratorApproves => {
                let (user, _) = world.applicant(&world.phone()).await?;
                let body = json!({"users": [user], "decision": "approve"});
                post("/v1/admin/portals/{portal}/approvals", &format!("{admin}/approvals"), bearer, Some(body))
            }
            Self::AdministratorListsPortals => get("/v1/admin/portals", "/v1/admin/portals", "", bearer),
        })
    }

    /// `number` events, each for a call of its own.
    pub(crate) async fn events(self, world: &World, number: usize) -> Result<Vec<Value>, Failure> {
        let mut events = Vec::with_capacity(number);
        for _ in 0..number {
            events.push(self.event(world).await?);
        }
        Ok(events)
    }
}
