//! Routes and their rights (S44).

use std::collections::BTreeSet;

use http::Method;
use portico_http::{Access, Api, Route};
use portico_runtime::{Clock, Deployment};

use crate::stage::Stage;

/// Every route of every function, with the function's name.
pub(crate) fn all() -> Vec<(&'static str, Route)> {
    let optional = |name: &str| {
        ["CAP_", "WECHAT_", "SMS_", "MAIL_", "MESSAGE_", "EMAIL_", "IGNORE_"].iter().any(|prefix| name.starts_with(prefix))
            && name != "MESSAGES_TABLE"
    };
    let deployment = Deployment::new(|name| Some(if optional(name) { String::new() } else { name.to_lowercase() }), Clock::system());
    let apis: Vec<(&'static str, Api)> = vec![
        ("admission", admission::api(&deployment).unwrap()),
        ("approve", approve::api(&deployment).unwrap()),
        ("invite", invite::api(&deployment).unwrap()),
        ("messages", messages::api(&deployment).unwrap()),
        ("password", password::api(&deployment).unwrap()),
        ("picture", picture::api(&deployment).unwrap()),
        ("portal-page", portal_page::api(&deployment).unwrap()),
        ("portals", portals::api(&deployment).unwrap()),
        ("profile", profile::api(&deployment).unwrap()),
        ("register", register::api(&deployment).unwrap()),
        ("send-code", send_code::api(&deployment).unwrap()),
        ("session", session::api(&deployment).unwrap()),
        ("users", users::api(&deployment).unwrap()),
        ("verify-code", verify_code::api(&deployment).unwrap()),
        ("wechat-account", wechat_account::api(&deployment).unwrap()),
        ("wechat-authorize", wechat_authorize::api(&deployment).unwrap()),
        ("wechat-callback", wechat_callback::api(&deployment).unwrap()),
        ("wechat-events", wechat_events::api(&deployment).unwrap()),
        ("whitelist", whitelist::api(&deployment).unwrap()),
    ];
    apis.into_iter().flat_map(|(name, api)| api.routes().iter().map(move |route| (name, route.clone())).collect::<Vec<_>>()).collect()
}

#[test]
fn every_route_asks_for_the_right_that_it_should() {
    let table: Vec<String> = all().iter().map(|(_, route)| format!("{} {}: {:?}", route.method, route.path, route.access)).collect();
    let expected = "\
POST /v1/admin/portals/{portal}/admission: Member(ReadUsers)
POST /v1/admin/portals/{portal}/approvals: Member(DecideApplications)
POST /v1/admin/portals/{portal}/invitations: Member(ManageUsers)
GET /v1/admin/portals/{portal}/invitations: Member(ReadUsers)
POST /v1/admin/portals/{portal}/invitations/actions: Member(ManageUsers)
DELETE /v1/admin/portals/{portal}/invitations/{invitation}: Member(ManageUsers)
POST /v1/admin/portals/{portal}/invitations/{invitation}/resend: Member(ManageUsers)
POST /v1/portals/{portal}/invitation: Anonymous
GET /v1/admin/portals/{portal}/messages: Member(ReadUsers)
POST /v1/admin/portals/{portal}/messages/search: Member(ReadUsers)
GET /v1/admin/portals/{portal}/messages/{message}: Member(ReadUsers)
POST /v1/admin/portals/{portal}/messages/{message}/resend: Member(ManageUsers)
GET /v1/admin/portals/{portal}/message-figures: Member(ReadUsers)
GET /v1/admin/portals/{portal}/message-settings: Member(ManagePortals)
PUT /v1/admin/portals/{portal}/message-settings: Member(ManagePortals)
POST /v1/admin/portals/{portal}/message-settings/preview: Member(ManagePortals)
POST /v1/admin/portals/{portal}/notifications: Member(ManageUsers)
DELETE /v1/admin/portals/{portal}/suppressions: Member(ManageUsers)
GET /v1/admin/signatures: Member(ManagePortals)
POST /v1/admin/signatures: Member(ManagePortals)
PATCH /v1/admin/signatures/{signature}: Member(ManageOrganisation)
GET /v1/admin/organisation/balance: Member(ManageOrganisation)
POST /v1/admin/organisation/top-ups: Member(ManageOrganisation)
GET /v1/admin/news: Member(ReadUsers)
POST /v1/admin/news/read: Member(ReadUsers)
POST /v1/portals/{portal}/password-sessions: Anonymous
GET /v1/portals/{portal}/password: Anonymous
POST /v1/portals/{portal}/password: Anonymous
PUT /v1/me/password: User
POST /v1/me/picture: User
PUT /v1/me/picture: User
DELETE /v1/me/picture: User
GET /v1/portals/{portal}/pictures/{picture}: Anonymous
GET /p/{suffix}: Anonymous
GET /v1/links/{suffix}: Anonymous
GET /v1/admin/organisation: Member(ManageOrganisation)
PATCH /v1/admin/organisation: Member(ManageOrganisation)
GET /v1/admin/portals: Member(ManagePortals)
POST /v1/admin/portals: Member(ManagePortals)
GET /v1/admin/portals/{portal}: Member(ManagePortals)
PATCH /v1/admin/portals/{portal}: Member(ManagePortals)
GET /v1/admin/portals/{portal}/links: Member(ManagePortals)
POST /v1/admin/portals/{portal}/links: Member(ManagePortals)
PUT /v1/admin/portals/{portal}/links/{link}: Member(ManagePortals)
DELETE /v1/admin/portals/{portal}/links/{link}: Member(ManagePortals)
GET /v1/admin/portals/{portal}/links/{link}/qr: Member(ManagePortals)
GET /v1/admin/portals/{portal}/spend: Member(ManagePortals)
GET /v1/admin/portals/{portal}/agreements: Member(ManagePortals)
PUT /v1/admin/portals/{portal}/agreements: Member(ManagePortals)
GET /v1/me: User
PATCH /v1/me: User
DELETE /v1/me: User
PUT /v1/me/address: User
GET /v1/me/sessions: User
DELETE /v1/me/sessions/{session}: User
POST /v1/me/totp: User
PUT /v1/me/totp: User
DELETE /v1/me/totp: User
DELETE /v1/me/wechat: User
POST /v1/portals/{portal}/registration: Anonymous
POST /v1/portals/{portal}/registration/status: Anonymous
GET /v1/portals/{portal}/agreements: Anonymous
POST /v1/portals/{portal}/codes: Anonymous
GET /v1/session: User
DELETE /v1/session: Anonymous
DELETE /v1/sessions: User
POST /v1/session/token: User
GET /.well-known/jwks.json: Anonymous
GET /v1/admin/portals/{portal}/users: Member(ReadUsers)
GET /v1/admin/portals/{portal}/users/{user}: Member(ReadUsers)
PATCH /v1/admin/portals/{portal}/users/{user}: Member(ManageUsers)
DELETE /v1/admin/portals/{portal}/users/{user}: Member(ManageUsers)
GET /v1/admin/portals/{portal}/users/{user}/sessions: Member(ReadUsers)
DELETE /v1/admin/portals/{portal}/users/{user}/sessions: Member(ManageUsers)
DELETE /v1/admin/portals/{portal}/users/{user}/sessions/{session}: Member(ManageUsers)
DELETE /v1/admin/portals/{portal}/users/{user}/wechat: Member(ManageUsers)
POST /v1/portals/{portal}/sessions: Anonymous
GET /v1/admin/organisation/wechat: Member(ManageOrganisation)
PUT /v1/admin/organisation/wechat: Member(ManageOrganisation)
DELETE /v1/admin/organisation/wechat: Member(ManageOrganisation)
GET /{file}: Anonymous
GET /v1/portals/{portal}/wechat: Anonymous
POST /v1/portals/{portal}/wechat/scans: Anonymous
GET /v1/portals/{portal}/wechat/scans/{scan}: Anonymous
POST /v1/portals/{portal}/wechat/scans/{scan}/confirmation: Anonymous
DELETE /v1/portals/{portal}/wechat/scans/{scan}/confirmation: Anonymous
POST /v1/portals/{portal}/wechat/scans/{scan}/session: Anonymous
GET /v1/wechat/callback: Anonymous
GET /v1/wechat/events/{account}: Anonymous
POST /v1/wechat/events/{account}: Anonymous
GET /v1/admin/portals/{portal}/whitelist/rows: Member(DecideApplications)
PUT /v1/admin/portals/{portal}/whitelist/rows: Member(DecideApplications)
POST /v1/admin/portals/{portal}/whitelist/rows: Member(DecideApplications)
DELETE /v1/admin/portals/{portal}/whitelist/rows: Member(DecideApplications)
DELETE /v1/admin/portals/{portal}/whitelist/rows/{row}: Member(DecideApplications)";
    assert_eq!(table.join("\n"), expected);
}

#[test]
fn administrative_routes_are_for_members_only() {
    for (_, route) in all() {
        assert_eq!(route.path.starts_with("/v1/admin/"), matches!(route.access, Access::Member(_)), "{}", route.path);
    }
}

#[tokio::test]
async fn nobody_without_a_session_gets_past_a_guarded_route() {
    let stage = Stage::open().await;
    for (_, route) in all() {
        if route.access == Access::Anonymous {
            continue;
        }
        let path =
            route.path.replace("{portal}", &stage.seeded.portal).replace("{link}", "abcd").replace("{user}", "x").replace("{session}", "x");
        let body = serde_json::json!({});
        let call = stage.call(route.method.clone(), &path);
        let answer = if route.method == Method::GET { call.send().await } else { call.json(&body).send().await };
        assert_eq!(answer.refusal(), (401, "signed-out"), "{} {path}", route.method);
    }
}

#[test]
fn the_openapi_document_has_exactly_these_routes() {
    let document: serde_json::Value = serde_json::to_value(portico_local::openapi::document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        documented.extend(operations.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let routed: BTreeSet<_> = all().iter().map(|(_, route)| (route.method.to_string(), route.path.to_owned())).collect();
    assert_eq!(documented, routed);
    let ids: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|operations| operations.as_object().unwrap().values())
        .map(|operation| operation["operationId"].to_string())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "operations are named apart");
}
