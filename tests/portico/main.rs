//! Portico as a whole: real functions, real SDK calls, a real database, all in this process. Only the endpoints are local.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod administration;
mod admission;
mod agreements;
mod approvals;
mod authenticators;
mod bodies;
mod budgets;
mod codes;
mod documents;
mod doors;
mod faults;
mod hosts;
mod idempotency;
mod invitations;
mod journeys;
mod later_steps;
mod logs;
mod page;
mod passwords;
mod pictures;
mod portals;
mod profile;
mod promises;
mod races;
mod routes;
mod schedules;
mod sessions;
mod sign_up;
mod spend;
mod stage;
mod template;
mod tenants;
mod whitelist;
