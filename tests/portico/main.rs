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
mod idempotency;
mod invitations;
mod later_steps;
mod journeys;
mod page;
mod passwords;
mod portals;
mod profile;
mod races;
mod pictures;
mod routes;
mod schedules;
mod promises;
mod sessions;
mod sign_up;
mod spend;
mod stage;
mod template;
mod tenants;
mod whitelist;
