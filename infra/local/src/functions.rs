//! The functions by their crates' names: the one place where the local cloud knows them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use portico_runtime::{Deployment, MissingVariable};

use crate::error::LocalError;
use crate::schedules::{Run, Start};

/// What `make run` and the tests call of each function.
#[derive(Default)]
pub(crate) struct Functions {
    /// Routers by crate.
    pub(crate) routers: HashMap<String, Router>,
    /// Scheduled functions by crate.
    pub(crate) schedules: Vec<(String, Start)>,
}

/// Starts every function with its own deployment, as Lambda would; `deployment` makes it by the crate's name.
pub(crate) fn start(deployment: impl Fn(&str) -> Deployment) -> Result<Functions, LocalError> {
    let mut functions = Functions::default();
    // functions.api("send-code", &deployment, |deployment| Ok(send_code::api(deployment)?.into_router()))?;
    // functions.schedule("close-registration", &deployment, close_registration::run);
    let _ = (&mut functions, &deployment);
    Ok(functions)
}

#[expect(dead_code, reason = "the functions are being written")]
impl Functions {
    fn api(
        &mut self,
        name: &str,
        deployment: &impl Fn(&str) -> Deployment,
        router: impl FnOnce(&Deployment) -> Result<Router, MissingVariable>,
    ) -> Result<(), LocalError> {
        let started = router(&deployment(name));
        let problem = |missing: MissingVariable| LocalError::Function { function: name.to_owned(), problem: missing.to_string() };
        self.routers.insert(name.to_owned(), started.map_err(problem)?);
        Ok(())
    }

    fn schedule<F, S, E>(&mut self, name: &str, deployment: &impl Fn(&str) -> Deployment, run: fn(Deployment) -> F)
    where
        F: Future<Output = Result<S, E>> + Send + 'static,
        S: serde::Serialize,
        E: std::fmt::Display,
    {
        let deployment = deployment(name);
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
}
