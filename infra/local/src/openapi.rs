//! The OpenAPI document, put together from what the functions say of themselves.

use portico_http::problem::Kind;
use utoipa::{
    OpenApi,
    openapi::{
        self,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Portico", description = "An external portal: people outside an organisation sign up, are let in, and use one application."),
    tags(
        (name = "sign-in", description = "What an outside person does before they are in"),
        (name = "me", description = "What a signed-in person sees and changes of themselves"),
        (name = "session", description = "What a signed-in person does"),
        (name = "administration", description = "What administrators of the organisation do")
    )
)]
struct Whole;

/// The document of all functions.
#[must_use]
pub fn document() -> openapi::OpenApi {
    let mut whole = Whole::openapi();
    whole.merge(portal_page::Docs::openapi());
    whole.merge(send_code::Docs::openapi());
    whole.merge(password::Docs::openapi());
    whole.merge(verify_code::Docs::openapi());
    whole.merge(register::Docs::openapi());
    whole.merge(session::Docs::openapi());
    whole.merge(portals::Docs::openapi());
    whole.merge(users::Docs::openapi());
    whole.merge(approve::Docs::openapi());
    let kinds = Kind::ALL
        .iter()
        .map(|kind| format!("- `{}` ({}): {}", kind.name(), kind.status().as_u16(), kind.title(portico_domain::locale::Locale::En)));
    let kinds: Vec<String> = kinds.collect();
    let intro = whole.info.description.take().unwrap_or_default();
    whole.info.description =
        Some(format!("{intro}\n\nProblems follow RFC 9457; `type` ends in one of these names:\n\n{}", kinds.join("\n")));
    whole.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let components = whole.components.get_or_insert_with(Default::default);
    let bearer =
        |description: &str| SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build());
    components.add_security_scheme("administrator", bearer("A member's session"));
    let cookie = ApiKeyValue::with_description("__Host-portico", "An external user's session; programs may send it as a bearer token");
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    whole
}

/// The document as `infra/openapi.yaml` holds it.
#[must_use]
pub fn yaml() -> String {
    document().to_yaml().unwrap_or_default()
}
