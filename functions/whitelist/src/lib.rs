//! `/v1/admin/portals/{portal}/whitelist/rows...`: who needs no approval (F44, F46, S49).
//!
//! Which columns there are, and whether the list is asked at all, stands in the settings of the portal.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::{Method, StatusCode};
use portico_domain::{
    ids::PortalId,
    member::Right,
    portal::Portal,
    whitelist::{Row, RowError, RowKey, row},
};
use portico_http::{Access, Api, Body, CurrentMember, FieldProblem, Kind, Problem, Problems, page_limit};
use portico_runtime::{Deployment, MissingVariable};
use portico_store::{Store, Table};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

/// The part of the OpenAPI document that this function answers for.
#[derive(OpenApi)]
#[openapi(paths(list, replace, add, remove_all, remove))]
pub struct Docs;

/// Rows in one request.
const MOST: usize = 1_000;
/// What is wrong is told of so many values at most.
const MOST_ERRORS: usize = 100;

/// The routes of this function.
pub fn api(deployment: &Deployment) -> Result<Api, MissingVariable> {
    let store = Store::open(deployment, &[Table::Portals, Table::Users, Table::Codes])?;
    // Who is on the list is thereby approved.
    let decide = Access::Member(Right::DecideApplications);
    Ok(Api::guarded(deployment, &store)
        .route(Method::GET, "/v1/admin/portals/{portal}/whitelist/rows", decide, list)
        .route(Method::PUT, "/v1/admin/portals/{portal}/whitelist/rows", decide, replace)
        .route(Method::POST, "/v1/admin/portals/{portal}/whitelist/rows", decide, add)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/whitelist/rows", decide, remove_all)
        .route(Method::DELETE, "/v1/admin/portals/{portal}/whitelist/rows/{row}", decide, remove)
        .with_state(store))
}

/// Rows as an administrator writes them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRows {
    /// One text for each column of the whitelist, in the order of the columns; at most 1,000 rows.
    #[schema(max_items = 1000, example = json!([["138 0013 8000", "Acme Ltd"]]))]
    rows: Vec<Vec<String>>,
}

impl NewRows {
    /// The rows in normal form, each once; or what is wrong with them.
    fn parse(&self, portal: &Portal) -> Result<Vec<Row>, Problem> {
        if portal.settings.whitelist.columns.is_empty() {
            return Err(Problem::invalid("/rows", "no-columns", "the settings of the portal name no columns"));
        }
        if self.rows.len() > MOST {
            return Err(Problem::invalid("/rows", "invalid", format!("at most {MOST} rows in one request")));
        }
        let (mut rows, mut errors) = (BTreeMap::new(), Vec::new());
        for (index, cells) in self.rows.iter().enumerate() {
            match row(portal, cells) {
                Ok(row) => drop(rows.insert(row.key, row)),
                Err(error) => {
                    let pointer = match error {
                        RowError::Length => format!("/rows/{index}"),
                        RowError::Cell(column) => format!("/rows/{index}/{column}"),
                    };
                    errors.push(FieldProblem { pointer, code: "invalid".into(), detail: error.to_string() });
                }
            }
        }
        errors.truncate(MOST_ERRORS);
        if errors.is_empty() { Ok(rows.into_values().collect()) } else { Err(Problem::invalid_fields(errors)) }
    }
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
struct RowsWritten {
    /// Different rows in the request.
    written: usize,
    /// Other rows that are gone now.
    removed: usize,
}

/// A row of the whitelist.
#[derive(Debug, Serialize, ToSchema)]
struct WhitelistRow {
    /// Names the row.
    row: RowKey,
    /// The values in normal form, by column: `phone`, `email`, `field:<id>`.
    values: BTreeMap<String, String>,
    /// Whether it was written under the columns that the portal has now; one that was not matches nobody.
    current: bool,
}

/// One page of rows, in no order that means anything.
#[derive(Debug, Serialize, ToSchema)]
struct WhitelistPage {
    /// The rows.
    rows: Vec<WhitelistRow>,
    /// Asks for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// How many rows at a time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// From the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<RowKey>,
    /// Rows on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// List the rows of the whitelist
#[utoipa::path(get, path = "/v1/admin/portals/{portal}/whitelist/rows", operation_id = "listWhitelistRows", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ListQuery),
    responses((status = 200, description = "One page", body = WhitelistPage), Problems))]
async fn list(
    State(store): State<Store>,
    member: CurrentMember,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<WhitelistPage>, Problem> {
    let portal = member.portal()?;
    let Query(query) = query.map_err(|rejection| Problem::invalid("", "invalid", rejection.body_text()))?;
    let limit = page_limit(query.limit)?;
    let page = store.rows(portal.id, query.cursor, limit).await?;
    let whitelist = &portal.settings.whitelist;
    let view = |row: Row| WhitelistRow { current: row.is_current(whitelist), row: row.key, values: row.values };
    Ok(Json(WhitelistPage { rows: page.rows.into_iter().map(view).collect(), cursor: page.next.map(|row| row.to_string()) }))
}

/// Replace the rows of the whitelist
///
/// The new rows are there before the old ones go: nobody who is on both lists has to wait meanwhile.
#[utoipa::path(put, path = "/v1/admin/portals/{portal}/whitelist/rows", operation_id = "replaceWhitelistRows", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = NewRows,
    responses((status = 200, description = "How many rows were written and removed", body = RowsWritten), Problems))]
async fn replace(State(store): State<Store>, member: CurrentMember, Body(new): Body<NewRows>) -> Result<Json<RowsWritten>, Problem> {
    let portal = member.portal()?;
    let rows = new.parse(&portal)?;
    store.add_rows(portal.id, &rows).await?;
    let kept: BTreeSet<RowKey> = rows.iter().map(|row| row.key).collect();
    let removed = store.remove_other_rows(portal.id, &kept).await?;
    Ok(Json(RowsWritten { written: rows.len(), removed }))
}

/// Add rows to the whitelist
///
/// People who wait for approval already keep waiting; the whitelist is asked when an application is made.
#[utoipa::path(post, path = "/v1/admin/portals/{portal}/whitelist/rows", operation_id = "addWhitelistRows", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = NewRows,
    responses((status = 200, description = "How many rows were written", body = RowsWritten), Problems))]
async fn add(State(store): State<Store>, member: CurrentMember, Body(new): Body<NewRows>) -> Result<Json<RowsWritten>, Problem> {
    let portal = member.portal()?;
    let rows = new.parse(&portal)?;
    store.add_rows(portal.id, &rows).await?;
    Ok(Json(RowsWritten { written: rows.len(), removed: 0 }))
}

/// Remove all rows of the whitelist
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/whitelist/rows", operation_id = "removeWhitelistRows", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)),
    responses((status = 200, description = "How many rows were removed", body = RowsWritten), Problems))]
async fn remove_all(State(store): State<Store>, member: CurrentMember) -> Result<Json<RowsWritten>, Problem> {
    let removed = store.remove_other_rows(member.portal()?.id, &BTreeSet::new()).await?;
    Ok(Json(RowsWritten { written: 0, removed }))
}

/// Remove a row of the whitelist
///
/// People who came in by it stay.
#[utoipa::path(delete, path = "/v1/admin/portals/{portal}/whitelist/rows/{row}", operation_id = "removeWhitelistRow", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path), ("row" = RowKey, Path)),
    responses((status = 204, description = "It is gone"), Problems))]
async fn remove(State(store): State<Store>, member: CurrentMember, Path((_, row)): Path<(String, String)>) -> Result<StatusCode, Problem> {
    let portal = member.portal()?;
    let row: RowKey = row.parse().map_err(|_| Problem::from(Kind::NotFound))?;
    if store.remove_row(portal.id, row).await? { Ok(StatusCode::NO_CONTENT) } else { Err(Kind::NotFound.into()) }
}
