//! The page to which people are sent to be told apart: in WeChat silent, here once a click.

use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use form_urlencoded::Serializer;
use portico_domain::wechat::AppId;
use serde::{Deserialize, Serialize};

use super::people::{PEOPLE, Person};
use super::{ROOT, WeChat};

/// The cookie that remembers who sits before the browser, so that the second sign-in is silent.
const COOKIE: &str = "wechat-stand-in";

#[derive(Deserialize, Serialize)]
pub(super) struct Authorize {
    appid: String,
    redirect_uri: String,
    response_type: String,
    scope: String,
    #[serde(default)]
    state: String,
    person: Option<String>,
}

pub(super) async fn authorize(Shared(wechat): Shared<WeChat>, headers: HeaderMap, Query(query): Query<Authorize>) -> Response {
    let app = match check(&query) {
        Ok(app) => app,
        Err(problem) => return page(StatusCode::BAD_REQUEST, &format!("<p>{problem}</p>")),
    };
    let chosen = query.person.as_deref().and_then(Person::find);
    match chosen.or_else(|| remembered(&headers)) {
        Some(person) => back(&wechat, &query, &app, person),
        None => page(StatusCode::OK, &choices(&query)),
    }
}

/// Forgets who sits before the browser.
pub(super) async fn forget() -> Response {
    let cookie = format!("{COOKIE}=; Path={ROOT}; Max-Age=0");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

fn check(query: &Authorize) -> Result<AppId, &'static str> {
    let app = AppId::try_from(query.appid.clone()).map_err(|_| "10003: no such AppID")?;
    let local = query.redirect_uri.starts_with("http://") || query.redirect_uri.starts_with("https://");
    if !local {
        return Err("10003: redirect_uri");
    }
    if query.response_type != "code" || !matches!(query.scope.as_str(), "snsapi_base" | "snsapi_userinfo") {
        return Err("10005: scope");
    }
    let fits = query.state.len() <= 128 && query.state.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { Ok(app) } else { Err("10014: state") }
}

fn remembered(headers: &HeaderMap) -> Option<&'static Person> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let mut pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).and_then(|(_, key)| Person::find(key))
}

fn back(wechat: &WeChat, query: &Authorize, app: &AppId, person: &'static Person) -> Response {
    let code = wechat.state().issue_code(app, person, (wechat.now)());
    let answer = Serializer::new(String::new()).append_pair("code", &code).append_pair("state", &query.state).finish();
    let joint = if query.redirect_uri.contains('?') { '&' } else { '?' };
    let cookie = format!("{COOKIE}={}; Path={ROOT}; HttpOnly; SameSite=Lax", person.key);
    let redirect = Redirect::to(&format!("{}{joint}{answer}", query.redirect_uri));
    ([(header::SET_COOKIE, cookie)], redirect).into_response()
}

/// A button for each person. Values come from the query, so they are escaped by being encoded.
fn choices(query: &Authorize) -> String {
    let link = |person: &Person| {
        let address = Serializer::new(String::new())
            .append_pair("appid", &query.appid)
            .append_pair("redirect_uri", &query.redirect_uri)
            .append_pair("response_type", &query.response_type)
            .append_pair("scope", &query.scope)
            .append_pair("state", &query.state)
            .append_pair("person", person.key)
            .finish()
            .replace('&', "&amp;");
        format!("<li><a id=\"{}\" href=\"?{address}\">{}<small>{}</small></a></li>", person.key, person.name, person.about)
    };
    format!("<p>Who are you? · 您是谁？</p><ul>{}</ul>", PEOPLE.iter().map(link).collect::<String>())
}

fn page(status: StatusCode, content: &str) -> Response {
    (status, Html(include_str!("open.html").replace("{content}", content))).into_response()
}
