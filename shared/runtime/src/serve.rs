//! Hands a function over to the Lambda runtime.
//!
//! What serves is compiled in this crate, once; only what differs is compiled with each function.

use std::{future::Future, pin::Pin, process::ExitCode};

use axum::Router;
use lambda_http::{Error, RequestExt, request::LambdaRequest};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use tower::ServiceExt;

use crate::{Deployment, MissingVariable, answer::Answer, logs};

/// Serves an HTTP function: builds its router once, then answers events until the environment is shut down.
pub fn serve_http(router: fn(&Deployment) -> Result<Router, MissingVariable>) -> ExitCode {
    start(|deployment| {
        let router = router(&deployment)?;
        Ok(async move {
            let handler = service_fn(|event: LambdaEvent<LambdaRequest>| {
                let request = lambda_http::Request::from(event.payload).with_lambda_context(event.context);
                let (response, deployment) = (router.clone().oneshot(request), deployment.clone());
                async move {
                    let Ok(response) = response.await;
                    let answer = Answer::of(response).await;
                    deployment.answered();
                    answer
                }
            });
            lambda_runtime::run(handler).await
        })
    })
}

/// Serves a scheduled function. The event carries nothing that matters: a schedule only nudges (R28).
pub fn serve_schedule<F, S, E>(run: impl Fn(Deployment) -> F + 'static) -> ExitCode
where
    F: Future<Output = Result<S, E>> + 'static,
    S: Serialize,
    E: std::error::Error + Send + Sync + 'static,
{
    serve_events(move |deployment, _| {
        let finished = run(deployment);
        async move { serde_json::to_value(finished.await?).map_err(Error::from) }
    })
}

/// Serves a function that takes events which carry something: records of a stream, notices of a topic. Its answer goes back to
/// whoever sent the event.
pub fn serve_events<F, E>(handle: impl Fn(Deployment, Value) -> F + 'static) -> ExitCode
where
    F: Future<Output = Result<Value, E>> + 'static,
    E: Into<Error>,
{
    serve(Box::new(move |deployment, event| {
        let answer = handle(deployment, event);
        Box::pin(async move { answer.await.map_err(Into::into) })
    }))
}

type Handling = Pin<Box<dyn Future<Output = Result<Value, Error>>>>;

fn serve(handle: Box<dyn Fn(Deployment, Value) -> Handling>) -> ExitCode {
    start(|deployment| {
        Ok(async move {
            let handler = service_fn(|event: LambdaEvent<Value>| {
                let (answer, deployment) = (handle(deployment.clone(), event.payload), deployment.clone());
                async move {
                    let answer = answer.await;
                    deployment.answered();
                    answer
                }
            });
            lambda_runtime::run(handler).await
        })
    })
}

fn start<F>(prepare: impl FnOnce(Deployment) -> Result<F, MissingVariable>) -> ExitCode
where
    F: Future<Output = Result<(), Error>>,
{
    #[expect(clippy::disallowed_methods, reason = "the level of the logs is needed before there is a deployment")]
    logs::start(std::env::var("RUST_LOG").ok().as_deref());
    let outcome = match prepare(Deployment::from_process()) {
        Ok(serving) => match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(serving),
            Err(error) => Err(error.into()),
        },
        Err(missing) => Err(missing.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function could not start");
            ExitCode::FAILURE
        }
    }
}
