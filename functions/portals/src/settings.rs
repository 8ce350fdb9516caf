//! Reading and changing the settings of a portal (F1, F2, F8, F9, F11, F20, F25, F29 to F33).

use axum::{
    Json,
    extract::State,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::header;
use portico_domain::{
    design::Design,
    fields::Field,
    ids::PortalId,
    portal::{Access, Portal, Profile, Registration, Role, RoleId, Settings, SignIn},
    text::{Name, Text},
    whitelist::Whitelist,
};
use portico_http::{Body, CurrentMember, Kind, Problem, Problems, check_version, entity_tag};
use portico_store::Saved;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::{Portals, view::PortalView};

/// The settings to be changed; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SettingsChange {
    /// Off shuts everyone out on their next request (F1).
    enabled: Option<bool>,
    /// The name that outside people see (F2).
    #[schema(value_type = Option<String>, max_length = 100)]
    name: Option<Name>,
    design: Option<Design>,
    sign_in: Option<SignIn>,
    registration: Option<Registration>,
    access: Option<Access>,
    fields: Option<Vec<Field>>,
    roles: Option<Vec<Role>>,
    default_role: Option<RoleId>,
    /// Whose application needs no administrator (F46).
    whitelist: Option<Whitelist>,
    /// What users may change of themselves (F81).
    profile: Option<Profile>,
    /// SMS with codes on a day, UTC (S14); null for the deployment's cap.
    #[serde(default, deserialize_with = "present")]
    daily_sms: Option<Option<u32>>,
    /// What leads each SMS: an approved signature of the organisation (F36); null for the deployment's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 20)]
    signature: Option<Option<Text<20>>>,
}

/// Tells null, which clears, from absent, which keeps.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl SettingsChange {
    fn apply(self, settings: &mut Settings) {
        fn set<T>(to: &mut T, from: Option<T>) {
            if let Some(value) = from {
                *to = value;
            }
        }
        set(&mut settings.enabled, self.enabled);
        set(&mut settings.name, self.name);
        set(&mut settings.design, self.design);
        set(&mut settings.sign_in, self.sign_in);
        set(&mut settings.registration, self.registration);
        set(&mut settings.access, self.access);
        set(&mut settings.fields, self.fields);
        set(&mut settings.roles, self.roles);
        set(&mut settings.default_role, self.default_role);
        set(&mut settings.whitelist, self.whitelist);
        set(&mut settings.profile, self.profile);
        set(&mut settings.daily_sms, self.daily_sms);
        set(&mut settings.signature, self.signature);
    }
}

/// See a portal
#[utoipa::path(get, path = "/v1/admin/portals/{portal}", operation_id = "readPortal", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)),
    responses((status = 200, description = "The portal; its version is the `ETag`", body = PortalView), Problems))]
pub(crate) async fn read(State(portals): State<Portals>, member: CurrentMember, parts: Parts) -> Result<Response, Problem> {
    Ok(answer(&portals, &member.portal()?, &parts))
}

/// Change the settings of a portal
///
/// With `If-Match` only if nobody changed it since; without, on top of what is there.
#[utoipa::path(patch, path = "/v1/admin/portals/{portal}", operation_id = "changePortal", tag = "administration", security(("administrator" = [])), params(("portal" = PortalId, Path)), request_body = SettingsChange,
    responses((status = 200, description = "The portal as it is now", body = PortalView), Problems))]
pub(crate) async fn change(
    State(portals): State<Portals>,
    member: CurrentMember,
    parts: Parts,
    Body(change): Body<SettingsChange>,
) -> Result<Response, Problem> {
    let mut portal = member.portal()?;
    check_version(&parts, portal.version)?;
    let signature = portal.settings.signature.clone();
    change.apply(&mut portal.settings);
    portal.settings.check().map_err(|error| Problem::invalid(error.pointer(), "invalid", error.to_string()))?;
    if portal.settings.signature != signature {
        check_signature(&portals, &portal).await?;
    }
    match portals.store.save_settings(&portal).await? {
        Saved::Yes => {
            portal.version += 1;
            Ok(answer(&portals, &portal, &parts))
        }
        Saved::Stale => Err(Kind::Stale.into()),
    }
}

/// A signature must be one that the organisation may use (F36).
async fn check_signature(portals: &Portals, portal: &Portal) -> Result<(), Problem> {
    let Some(signature) = &portal.settings.signature else { return Ok(()) };
    if portals.store.is_approved(portal.organisation, signature.as_str()).await? {
        return Ok(());
    }
    Err(Problem::invalid("/signature", "not-approved", "is not an approved signature of the organisation"))
}

fn answer(portals: &Portals, portal: &Portal, parts: &Parts) -> Response {
    ([(header::ETAG, entity_tag(portal.version))], Json(PortalView::new(portal, &portals.origins, parts))).into_response()
}
