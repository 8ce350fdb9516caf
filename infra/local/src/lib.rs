//! The cloud in one process, for `make run` and for the tests: the functions behind a gateway, and what they need of
//! AWS behind real ports of the loopback interface. Routes, tables and schedules come from `template.yaml`. The
//! functions do not know that they are local: only endpoint variables differ.

pub mod capture;
pub mod cloud;
mod control;
pub mod database;
pub mod error;
mod functions;
pub mod gateway;
pub mod messages;
pub mod meter;
mod net;
pub mod objects;
pub mod openapi;
mod random;
pub mod rights;
pub mod schedules;
pub mod seed;
pub mod streams;
pub mod template;
pub mod wechat;

#[cfg(test)]
mod sdk;

pub use cloud::{Cloud, Options};
pub use error::LocalError;
