//! IAM: what each function may do, by the template's statements. A function that lacks a right is refused here as it would
//! be in the cloud.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::template::{Statement, Template};

/// The statements of every function. The functions sign with their crate's name as access key; other callers, such as
/// tests, may do everything.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    functions: BTreeMap<String, Vec<Statement>>,
}

impl Rights {
    /// The template's rights.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let functions = template.functions.iter();
        Self { functions: functions.map(|function| (function.crate_name.clone(), function.statements.clone())).collect() }
    }

    /// Whether `caller` may do `action` on `resource`. Conditions are taken to hold.
    #[must_use]
    pub fn allow(&self, caller: &str, action: &str, resource: &str) -> bool {
        let Some(statements) = self.functions.get(caller) else { return true };
        let applies = |statement: &&Statement| {
            statement.actions.iter().any(|pattern| matches(pattern, action))
                && match statement.not_resources.as_slice() {
                    [] => statement.resources.iter().any(|pattern| matches(pattern, resource)),
                    excluded => !excluded.iter().any(|pattern| matches(pattern, resource)),
                }
        };
        let effects: Vec<_> = statements.iter().filter(applies).map(|statement| statement.effect.as_str()).collect();
        let allowed = effects.contains(&"Allow") && !effects.contains(&"Deny");
        if !allowed {
            tracing::error!(caller, action, resource, "template.yaml does not give this right");
        }
        allowed
    }
}

/// The access key that signed a request.
pub(crate) fn caller(headers: &HeaderMap) -> String {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let credential = authorization.split_once("Credential=").map_or("", |(_, rest)| rest);
    credential.split('/').next().unwrap_or_default().to_owned()
}

/// What AWS says to someone who lacks a right.
pub(crate) fn refusal(caller: &str, action: &str, resource: &str) -> String {
    let reason = format!("because no identity-based policy allows the {action} action");
    format!("User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}")
}

/// `*` stands for any text, as in IAM.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Rights, matches};
    use crate::template::Statement;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("dynamodb:GetItem", "dynamodb:GetItem", true),
            ("dynamodb:GetItem", "dynamodb:GetItems", false),
            ("dynamodb:*", "dynamodb:GetItem", true),
            ("*", "anything", true),
            ("arn:aws:sns:*:*:*", "arn:aws:sns:us-east-1:0:topic", true),
            ("arn:aws:sns:*:*:*", "+8613800138000", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcdef", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn only_what_is_allowed_and_not_denied_may_be_done() {
        let statement = |effect: &str, actions: &[&str], resource: &str| Statement {
            effect: effect.to_owned(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            resources: vec![resource.to_owned()],
            not_resources: Vec::new(),
            condition: serde_json::Value::Null,
        };
        let statements = vec![statement("Allow", &["d:Get", "d:Put"], "table/a"), statement("Deny", &["d:Put"], "*")];
        let rights = Rights { functions: [("f".to_owned(), statements)].into() };
        assert!(rights.allow("f", "d:Get", "table/a"));
        assert!(!rights.allow("f", "d:Get", "table/b"));
        assert!(!rights.allow("f", "d:Put", "table/a"));
        assert!(rights.allow("a test", "d:Put", "table/b"));
    }
}
