//! The OpenAPI document, put together from what the functions say of themselves.

use http::Method;
use portico_http::{
    FieldProblem,
    problem::{Kind, ProblemBody},
    takes_key,
};
use utoipa::{
    OpenApi,
    openapi::{
        self, ObjectBuilder, PathItem, Required, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Portico", description = "An external portal: people outside an organisation sign up, are let in, and use one application."),
    components(schemas(ProblemBody, FieldProblem)),
    tags(
        (name = "sign-in", description = "What an outside person does before they are in"),
        (name = "me", description = "What a signed-in person sees and changes of themselves"),
        (name = "session", description = "What a signed-in person does"),
        (name = "administration", description = "What administrators of the organisation do"),
        (name = "wechat", description = "What WeChat calls")
    )
)]
struct Whole;

/// The document of all functions.
#[must_use]
pub fn document() -> openapi::OpenApi {
    let mut whole = Whole::openapi();
    for part in parts() {
        whole.merge(part);
    }
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
    for (path, item) in &mut whole.paths.paths {
        keyed(path, item);
    }
    whole
}

/// The documents of the functions.
fn parts() -> Vec<openapi::OpenApi> {
    vec![
        picture::Docs::openapi(),
        portal_page::Docs::openapi(),
        send_code::Docs::openapi(),
        password::Docs::openapi(),
        verify_code::Docs::openapi(),
        register::Docs::openapi(),
        wechat_authorize::Docs::openapi(),
        wechat_callback::Docs::openapi(),
        wechat_events::Docs::openapi(),
        session::Docs::openapi(),
        profile::Docs::openapi(),
        portals::Docs::openapi(),
        wechat_account::Docs::openapi(),
        users::Docs::openapi(),
        approve::Docs::openapi(),
        invite::Docs::openapi(),
        messages::Docs::openapi(),
        whitelist::Docs::openapi(),
        admission::Docs::openapi(),
    ]
}

/// Declares the header on the operations that take it.
fn keyed(path: &str, item: &mut PathItem) {
    let operations = [
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    for (method, operation) in operations {
        if let Some(operation) = operation.as_mut().filter(|_| takes_key(&method, path)) {
            operation.parameters.get_or_insert_default().push(idempotency_key().into());
        }
    }
}

fn idempotency_key() -> Parameter {
    let bare_or_quoted = r#"^([!#-+\--~]{1,255}|"([ !#-\[\]-~]|\\["\\]){1,255}")$"#;
    let string = ObjectBuilder::new().schema_type(Type::String).pattern(Some(bare_or_quoted)).build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Names the call, for 24 hours: sent again with the same key it has no second effect and gets the same answer. Best a \
             random UUID, bare or in quotes. While the first one runs: `in-progress`; with another body: `idempotency-mismatch`. An \
             answer of 500 or more is not repeated, the call is tried again.",
        ))
        .schema(Some(string))
        .build()
}

/// The document as `infra/openapi.yaml` holds it.
#[must_use]
pub fn yaml() -> String {
    document().to_yaml().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_name_means_one_schema() {
        let mut known = BTreeMap::new();
        for part in parts() {
            for (name, schema) in part.components.map(|components| components.schemas).unwrap_or_default() {
                let schema = serde_json::to_value(schema).unwrap();
                let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*first, schema, "two schemas are called {name}");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = serde_json::to_value(document()).unwrap();
        let text = document.to_string();
        let references: Vec<&str> = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 100, "{}", references.len());
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}
