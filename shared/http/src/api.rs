//! The routes of a function, each with the right that it asks for (S44).

use std::sync::Arc;

use axum::{
    Router,
    handler::Handler,
    middleware::from_fn_with_state,
    routing::{MethodFilter, on},
};
use http::Method;
use portico_access::AnswerSeal;
use portico_domain::member::Right;
use portico_runtime::Deployment;
use portico_store::Store;

use crate::{
    Kind, Problem,
    current::{Guard, require_member, require_user},
    edge::edge,
    idempotency::{Once, once, takes_key},
    request::Origins,
};

/// Who may call a route. A route cannot be added without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Anonymous,
    /// An external user who is signed in.
    User,
    /// A member of the organisation with this right; a `{portal}` in the path is one of the organisation's.
    Member(Right),
}

/// One route, for the tests that compare code, template and rights.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces, as the template writes it.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

/// The routes of a function under construction.
pub struct Api<S = ()> {
    router: Router<S>,
    routes: Vec<Route>,
    guard: Option<Guard>,
    origins: Origins,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// A function whose routes are all for anybody.
    pub fn anonymous(deployment: &Deployment) -> Self {
        Self { router: Router::new(), routes: Vec::new(), guard: None, origins: Origins::new(deployment) }
    }

    /// A function with routes for users or members, whom it finds in `store`, or with routes that take `Idempotency-Key`.
    pub fn guarded(deployment: &Deployment, store: &Store) -> Self {
        let seal = Arc::new(AnswerSeal::new(deployment));
        let guard = Guard { store: store.clone(), clock: deployment.clock().clone(), seal };
        Self { guard: Some(guard), ..Self::anonymous(deployment) }
    }

    /// Adds a route. Whether it takes `Idempotency-Key` follows from method and path ([`takes_key`]).
    ///
    /// # Panics
    ///
    /// If the route is guarded or takes a key and the function is not guarded or lacks the table for it, or the method is none of ours:
    /// found by the first test that builds the function.
    pub fn route<H, T>(mut self, method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let Ok(filter) = MethodFilter::try_from(method.clone()) else { panic!("no routes for {method}") };
        let guard = || match &self.guard {
            Some(guard) => guard.clone(),
            None => panic!("{path} needs a guarded function"),
        };
        let mut route = on(filter, handler);
        if takes_key(&method, path) {
            // Within the guard: who may not call gets no answer, old or new, and a key is the caller's own.
            route = route.route_layer(from_fn_with_state(Once::new(guard(), path), once));
        }
        let route = match access {
            Access::Anonymous => route,
            Access::User => route.layer(from_fn_with_state(guard(), require_user)),
            Access::Member(right) => route.layer(from_fn_with_state((guard(), right), require_member)),
        };
        self.router = self.router.route(path, route);
        self.routes.push(Route { method, path, access });
        self
    }

    /// Gives the handlers their state.
    pub fn with_state(self, state: S) -> Api {
        Api { router: self.router.with_state(state), routes: self.routes, guard: self.guard, origins: self.origins }
    }
}

impl Api {
    /// The routes.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The router that Lambda, the local gateway and the tests run.
    pub fn into_router(self) -> Router {
        self.router.fallback(|| async { Problem::from(Kind::NotFound) }).layer(from_fn_with_state(self.origins, edge))
    }
}
