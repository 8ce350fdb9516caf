//! Changing one's own name, fields and language (F80, F81).

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use portico_domain::{
    fields::{AnswerError, check_changes},
    locale::Locale,
    portal::Portal,
    user::User,
};
use portico_http::{Body, CurrentUser, FieldProblem, Kind, Me, Problem, Problems};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Profiles, TRIES};

/// What somebody changes of themselves; what is absent stays. Role, status and addresses are not among it (S47).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeChange {
    /// Answers by the identifier of the field; the name is the field `name`. Null or blank takes an answer away, except a required one.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, Object>, example = json!({"name": "Li Na", "company": null}))]
    fields: BTreeMap<String, Value>,
    /// The language in which news reach them.
    locale: Option<Locale>,
}

/// Change one's own account
#[utoipa::path(patch, path = "/v1/me", operation_id = "changeMe", tag = "me", security(("session" = [])), request_body = MeChange,
    responses((status = 200, description = "The account as it is now", body = Me), Problems))]
pub(crate) async fn change(
    State(profiles): State<Arc<Profiles>>,
    current: CurrentUser,
    Body(change): Body<MeChange>,
) -> Result<Json<Me>, Problem> {
    let portal = current.signed.portal;
    let mut before = current.signed.user;
    if change.fields.keys().any(|field| !portal.settings.profile.may_change(field)) {
        return Err(Kind::Forbidden.into());
    }
    for _ in 0..TRIES {
        let after = changed(&portal, &before, &change)?;
        if after == before || profiles.store.change_profile(&before, &after).await? {
            return profiles.view(&portal, after).await;
        }
        before = profiles.again(&before).await?;
    }
    Err(Problem::unavailable("the account kept changing"))
}

fn changed(portal: &Portal, before: &User, change: &MeChange) -> Result<User, Problem> {
    let settings = &portal.settings;
    let answers = check_changes(&settings.fields, &before.answers, &change.fields, &settings.sign_in.countries).map_err(refused)?;
    Ok(User { answers, locale: change.locale.unwrap_or(before.locale), ..before.clone() })
}

fn refused(errors: Vec<(String, AnswerError)>) -> Problem {
    let errors = errors.into_iter().map(|(id, error)| FieldProblem {
        pointer: format!("/fields/{}", id.replace('~', "~0").replace('/', "~1")),
        code: error.code().into(),
        detail: error.to_string(),
    });
    Problem::invalid_fields(errors.collect())
}
