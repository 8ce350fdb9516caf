//! The deployment's template (AWS SAM), read as the cloud would read it.
//!
//! It is the only list of functions, routes, schedules, tables, buckets and permissions: the local cloud is made from
//! it, and the template's own tests compare it with the code.

mod function;
mod scope;
mod stream;
mod yaml;

use std::collections::BTreeMap;

use serde_json::Value;

pub use function::{Function, Route, Schedule, Statement};
use scope::{Scope, kind, members, text};
pub use stream::Stream;

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Not YAML, or not a shape that a template has.
    #[error("the template is not readable: {0}")]
    Yaml(String),
    /// A parameter without a value, a resource or a condition that is not there.
    #[error("the template names {0}, which has no value")]
    Unknown(String),
    /// An intrinsic function that is misspelt, misused or not known here.
    #[error("cannot resolve {0}")]
    Intrinsic(String),
    /// A resource lacks something, or has it in a form not known here.
    #[error("{resource}: {problem}")]
    Resource {
        /// The resource's name.
        resource: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// What the template describes.
#[derive(Debug, Clone)]
pub struct Template {
    /// Functions by resource name.
    pub functions: Vec<Function>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    /// Generated secrets.
    pub secrets: Vec<Secret>,
    /// Streams of tables that call functions.
    pub streams: Vec<Stream>,
    /// The whole document in the long form of the intrinsics, unresolved.
    pub document: Value,
}

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Resource name.
    pub resource: String,
    /// Table name.
    pub name: String,
    /// Key attributes: name, type (`S`, `N`, `B`), kind (`HASH`, `RANGE`).
    pub keys: Vec<Key>,
    /// The attribute with the second at which an item may go.
    pub ttl_attribute: Option<String>,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// The stream's view, when the table has a stream.
    pub stream: Option<String>,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Index name.
    pub name: String,
    /// Key attributes, as of a table.
    pub keys: Vec<Key>,
    /// `ALL` or `KEYS_ONLY`.
    pub projection: String,
}

/// One attribute of a table's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Attribute name.
    pub name: String,
    /// `S`, `N` or `B`.
    pub attribute_type: String,
    /// `HASH` or `RANGE`.
    pub kind: String,
}

/// An S3 bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Resource name.
    pub resource: String,
    /// Bucket name.
    pub name: String,
}

/// A secret that Secrets Manager generates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Resource name.
    pub resource: String,
    /// What `Ref` answers.
    pub arn: String,
    /// `GenerateSecretString.PasswordLength`, 32 when not given.
    pub length: usize,
    /// `GenerateSecretString.SecretStringTemplate` and `.GenerateStringKey`, when the secret is an object.
    pub object: Option<(String, String)>,
}

impl Template {
    /// Reads `text` with `given` values for parameters (`SenderAddress`), pseudo parameters (`AWS::Region`), resources
    /// (`PortalsTable`: what `Ref` answers) and attributes (`DeploymentSecret.Arn`). What is not given is the
    /// template's default, or a name like the resource's own.
    ///
    /// # Errors
    /// When the text is no template, or uses something without a value.
    pub fn read(text: &str, given: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let document = yaml::read(text)?;
        let scope = Scope::new(&document, given);
        let mut template = Self {
            functions: Vec::new(),
            tables: Vec::new(),
            buckets: Vec::new(),
            secrets: Vec::new(),
            streams: Vec::new(),
            document: Value::Null,
        };
        for (name, resource) in members(&document, "Resources") {
            match resource.get("Condition").and_then(Value::as_str) {
                Some(condition) if !scope.condition(condition)? => continue,
                _ => {}
            }
            match kind(resource) {
                "AWS::Serverless::Function" => {
                    template.functions.push(function::read(&document, &scope, name, resource)?);
                }
                "AWS::DynamoDB::Table" => template.tables.push(table(&scope, name, resource)?),
                "AWS::Lambda::EventSourceMapping" => template.streams.push(stream::read(&document, &scope, name, resource)?),
                "AWS::S3::Bucket" => template.buckets.push(Bucket { resource: name.clone(), name: self::text(&scope.reference(name)?) }),
                "AWS::SecretsManager::Secret" => {
                    template.secrets.push(secret(&scope, name, resource)?);
                }
                _ => {}
            }
        }
        template.document = document;
        Ok(template)
    }

    /// The function built from the crate.
    #[must_use]
    pub fn function(&self, crate_name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.crate_name == crate_name)
    }
}

fn table(scope: &Scope<'_>, resource: &str, body: &Value) -> Result<Table, TemplateError> {
    let properties = scope.resolve(&body["Properties"])?;
    let strings = |list: &Value, member: &str| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        items.filter_map(|item| item[member].as_str().map(str::to_owned)).collect()
    };
    let wrong = |problem: String| TemplateError::Resource { resource: resource.to_owned(), problem };
    let types: BTreeMap<_, _> = strings(&properties["AttributeDefinitions"], "AttributeName")
        .into_iter()
        .zip(strings(&properties["AttributeDefinitions"], "AttributeType"))
        .collect();
    let keys = |schema: &Value| {
        let parts = strings(schema, "AttributeName").into_iter().zip(strings(schema, "KeyType"));
        let key = |(name, kind): (String, String)| match types.get(&name) {
            Some(attribute_type) => Ok(Key { attribute_type: attribute_type.clone(), name, kind }),
            None => Err(wrong(format!("the type of {name} is not defined"))),
        };
        match parts.map(key).collect::<Result<Vec<_>, _>>()? {
            none if none.is_empty() => Err(wrong("no KeySchema".to_owned())),
            keys => Ok(keys),
        }
    };
    let mut indexes = Vec::new();
    for index in properties["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
        indexes.push(Index {
            name: text(&index["IndexName"]),
            keys: keys(&index["KeySchema"])?,
            projection: text(&index["Projection"]["ProjectionType"]),
        });
    }
    let ttl = &properties["TimeToLiveSpecification"];
    Ok(Table {
        resource: resource.to_owned(),
        name: text(&scope.reference(resource)?),
        keys: keys(&properties["KeySchema"])?,
        ttl_attribute: (text(&ttl["Enabled"]) == "true").then(|| ttl["AttributeName"].as_str().map(str::to_owned)).flatten(),
        indexes,
        stream: properties["StreamSpecification"]["StreamViewType"].as_str().map(str::to_owned),
    })
}

fn secret(scope: &Scope<'_>, resource: &str, body: &Value) -> Result<Secret, TemplateError> {
    let properties = scope.resolve(&body["Properties"])?;
    let generate = &properties["GenerateSecretString"];
    let shape = (&generate["SecretStringTemplate"], &generate["GenerateStringKey"]);
    Ok(Secret {
        resource: resource.to_owned(),
        arn: text(&scope.reference(resource)?),
        length: text(&generate["PasswordLength"]).parse().unwrap_or(32),
        object: match shape {
            (Value::String(template), Value::String(key)) => Some((template.clone(), key.clone())),
            _ => None,
        },
    })
}

#[cfg(test)]
mod tests;
