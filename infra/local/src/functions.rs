//! The functions by their crates' names: the one place where the local cloud knows them.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use axum::Router;
use portico_http::Api;
use portico_runtime::{Deployment, MissingVariable};
use serde::Serialize;
use serde_json::Value;

use crate::error::LocalError;
use crate::schedules::{Run, Start};

/// What `make run` and the tests call of each function.
#[derive(Default)]
pub(crate) struct Functions {
    /// Routers by crate.
    pub(crate) routers: HashMap<String, Router>,
    /// Scheduled functions by crate.
    pub(crate) schedules: Vec<(String, Start)>,
    /// Functions that take events, by crate.
    pub(crate) events: HashMap<String, Handle>,
}

/// Hands an event to a function.
pub(crate) type Handle = Arc<dyn Fn(Value) -> Run + Send + Sync>;

/// A function's `api`.
type Build = fn(&Deployment) -> Result<Api, MissingVariable>;

/// Starts every function with its own deployment, as Lambda would; `deployment` makes it by the crate's name.
pub(crate) fn start(deployment: impl Fn(&str) -> Deployment) -> Result<Functions, LocalError> {
    let mut functions = Functions::default();
    let apis: &[(&str, Build)] = &[
        ("admission", admission::api),
        ("approve", approve::api),
        ("invite", invite::api),
        ("messages", messages::api),
        ("picture", picture::api),
        ("portal-page", portal_page::api),
        ("portals", portals::api),
        ("profile", profile::api),
        ("register", register::api),
        ("send-code", send_code::api),
        ("session", session::api),
        ("users", users::api),
        ("password", password::api),
        ("verify-code", verify_code::api),
        ("wechat-account", wechat_account::api),
        ("wechat-authorize", wechat_authorize::api),
        ("wechat-callback", wechat_callback::api),
        ("wechat-events", wechat_events::api),
        ("whitelist", whitelist::api),
    ];
    for (name, api) in apis {
        let api = api(&deployment(name)).map_err(|missing| LocalError::Function { function: (*name).to_owned(), source: missing })?;
        functions.routers.insert((*name).to_owned(), api.into_router());
    }
    functions.schedule("close-registration", deployment("close-registration"), |deployment| async move {
        close_registration::run(&deployment).await
    });
    functions.schedule(
        "expire-sign-ins",
        deployment("expire-sign-ins"),
        |deployment| async move { expire_sign_ins::run(&deployment).await },
    );
    functions.schedule("sweep-messages", deployment("sweep-messages"), |deployment| async move { sweep_messages::run(&deployment).await });
    functions.takes_events("deliver-messages", deployment("deliver-messages"), |deployment, event| async move {
        deliver_messages::deliver(&deployment, event).await
    });
    functions.takes_events("mail-events", deployment("mail-events"), |deployment, event| async move {
        mail_events::receive(&deployment, event).await
    });
    Ok(functions)
}

impl Functions {
    fn schedule<F, S, E>(&mut self, name: &str, deployment: Deployment, run: fn(Deployment) -> F)
    where
        F: Future<Output = Result<S, E>> + Send + 'static,
        S: Serialize,
        E: Display,
    {
        let start: Start = Arc::new(move || {
            let running = run(deployment.clone());
            let run: Run = Box::pin(async move {
                let summary = running.await.map_err(|error| error.to_string())?;
                serde_json::to_value(summary).map_err(|error| error.to_string())
            });
            run
        });
        self.schedules.push((name.to_owned(), start));
    }

    fn takes_events<F, E>(&mut self, name: &str, deployment: Deployment, handle: fn(Deployment, Value) -> F)
    where
        F: Future<Output = Result<Value, E>> + Send + 'static,
        E: Display,
    {
        let handle: Handle = Arc::new(move |event| {
            let handling = handle(deployment.clone(), event);
            let run: Run = Box::pin(async move { handling.await.map_err(|error| error.to_string()) });
            run
        });
        self.events.insert(name.to_owned(), handle);
    }
}
