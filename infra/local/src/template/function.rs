//! Functions: code, environment, events, permissions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::TemplateError;
use super::scope::{Scope, text};

/// A function as deployed.
#[derive(Debug, Clone)]
pub struct Function {
    /// Resource name, such as `VerifyCodeFunction`.
    pub resource: String,
    /// The crate it is built from: the last part of `CodeUri`.
    pub crate_name: String,
    /// The environment, `Globals` included.
    pub environment: BTreeMap<String, String>,
    /// HTTP API events.
    pub routes: Vec<Route>,
    /// Schedule events.
    pub schedules: Vec<Schedule>,
    /// ARNs of the topics that call it.
    pub topics: Vec<String>,
    /// Statements of its inline policies.
    pub statements: Vec<Statement>,
    /// Names of managed policies and SAM policy templates.
    pub policies: Vec<String>,
    /// `Timeout`; Lambda's default is 3 seconds.
    pub timeout_seconds: u64,
    /// `MemorySize`; Lambda's default is 128.
    pub memory_megabytes: u64,
}

/// An HTTP API event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Upper case; `ANY` for all.
    pub method: String,
    /// As in the template, or `$default`.
    pub path: String,
}

/// A schedule event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The event's name.
    pub name: String,
    /// Seconds between two runs.
    pub rate_seconds: i64,
}

/// A statement of an inline policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// `Allow` or `Deny`.
    pub effect: String,
    /// Actions, such as `dynamodb:GetItem`.
    pub actions: Vec<String>,
    /// ARNs, resolved.
    pub resources: Vec<String>,
    /// ARNs of `NotResource`, resolved.
    pub not_resources: Vec<String>,
    /// The condition, resolved; null when there is none.
    pub condition: Value,
}

/// Reads the function `resource`, `Globals.Function` below its own properties.
pub(super) fn read(document: &Value, scope: &Scope<'_>, resource: &str, body: &Value) -> Result<Function, TemplateError> {
    let properties = scope.resolve(&body["Properties"])?;
    let globals = scope.resolve(&document["Globals"]["Function"])?;
    let wrong = |problem: String| TemplateError::Resource { resource: resource.to_owned(), problem };
    let setting = |name: &str| match &properties[name] {
        Value::Null => globals[name].clone(),
        own => own.clone(),
    };

    let code = setting("CodeUri");
    let crate_name = code
        .as_str()
        .map(|path| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default())
        .filter(|name| !name.is_empty())
        .ok_or_else(|| wrong(format!("CodeUri {code} names no folder")))?;

    let mut function = Function {
        resource: resource.to_owned(),
        crate_name: crate_name.to_owned(),
        environment: BTreeMap::new(),
        routes: Vec::new(),
        schedules: Vec::new(),
        topics: Vec::new(),
        statements: Vec::new(),
        policies: Vec::new(),
        timeout_seconds: text(&setting("Timeout")).parse().unwrap_or(3),
        memory_megabytes: text(&setting("MemorySize")).parse().unwrap_or(128),
    };
    for source in [&globals, &properties] {
        let variables = source["Environment"]["Variables"].as_object();
        for (name, value) in variables.into_iter().flatten() {
            function.environment.insert(name.clone(), text(value));
        }
    }
    for (name, event) in properties["Events"].as_object().into_iter().flatten() {
        let settings = &event["Properties"];
        match event["Type"].as_str().unwrap_or_default() {
            "HttpApi" => function.routes.push(Route {
                method: settings["Method"].as_str().unwrap_or("ANY").to_uppercase(),
                path: settings["Path"].as_str().unwrap_or("$default").to_owned(),
            }),
            "Schedule" | "ScheduleV2" => {
                let expression = settings["Schedule"].as_str();
                let expression = expression.or(settings["ScheduleExpression"].as_str());
                let rate_seconds = expression.and_then(rate).ok_or_else(|| wrong(format!("{name} has no rate(..): {settings}")))?;
                function.schedules.push(Schedule { name: name.clone(), rate_seconds });
            }
            "SNS" => function.topics.push(text(&settings["Topic"])),
            other => return Err(wrong(format!("{name} is of an unknown type {other:?}"))),
        }
    }
    for policy in list(&properties["Policies"]) {
        policies(policy, &mut function);
    }
    Ok(function)
}

/// A managed policy's name, a SAM policy template (`{DynamoDBReadPolicy: {..}}`), or a document with statements.
fn policies(policy: &Value, function: &mut Function) {
    if let Some(name) = policy.as_str() {
        function.policies.push(name.to_owned());
        return;
    }
    let statements = &policy["Statement"];
    if statements.is_null() {
        function.policies.extend(policy.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    }
    for statement in list(statements) {
        function.statements.push(Statement {
            effect: statement["Effect"].as_str().unwrap_or("Allow").to_owned(),
            actions: list(&statement["Action"]).map(text).collect(),
            resources: list(&statement["Resource"]).map(text).collect(),
            not_resources: list(&statement["NotResource"]).map(text).collect(),
            condition: statement["Condition"].clone(),
        });
    }
}

/// A list, or one that stands for a list of one, as policies may have.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
    .iter()
}

/// Seconds of `rate(5 minutes)`.
fn rate(expression: &str) -> Option<i64> {
    let inner = expression.trim().strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = inner.trim().split_once(' ')?;
    let seconds = match unit.trim().trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    count.parse::<i64>().ok().filter(|count| *count > 0).map(|count| count * seconds)
}
