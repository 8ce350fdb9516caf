//! Intrinsic functions: what CloudFormation would put in their place.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TemplateError;

const REGION: &str = "AWS::Region";
const ACCOUNT: &str = "AWS::AccountId";

/// What names stand for while a template is read.
pub(super) struct Scope<'a> {
    document: &'a Value,
    values: BTreeMap<String, Value>,
}

impl<'a> Scope<'a> {
    /// `given` names parameters, pseudo parameters (`AWS::Region`), resources (`PortalsTable`: what `Ref` answers) and
    /// attributes (`PortalsTable.Arn`); parameters that are not given have the template's default.
    pub(super) fn new(document: &'a Value, given: &BTreeMap<String, String>) -> Self {
        let pseudo = [
            (REGION, "us-east-1"),
            (ACCOUNT, "000000000000"),
            ("AWS::Partition", "aws"),
            ("AWS::URLSuffix", "amazonaws.com"),
            ("AWS::StackName", "portico"),
            ("AWS::StackId", "portico"),
        ];
        let mut values: BTreeMap<_, _> = pseudo.map(|(name, value)| (name.to_owned(), Value::from(value))).into();
        for (name, parameter) in members(document, "Parameters") {
            if let Some(default) = parameter.get("Default") {
                values.insert(name.clone(), default.clone());
            }
        }
        values.extend(given.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
        Self { document, values }
    }

    /// `value` with every intrinsic resolved; members that become `AWS::NoValue` are left out.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::Array(items) => {
                let mut resolved = Vec::with_capacity(items.len());
                for item in items {
                    resolved.push(self.resolve(item)?);
                }
                resolved.retain(|item| !item.is_null());
                Ok(Value::Array(resolved))
            }
            Value::Object(object) => match object.iter().next() {
                Some((key, argument)) if object.len() == 1 && is_intrinsic(key, argument) => self.intrinsic(key, argument),
                _ => {
                    let mut resolved = Map::new();
                    for (key, member) in object {
                        match self.resolve(member)? {
                            Value::Null => {}
                            member => drop(resolved.insert(key.clone(), member)),
                        }
                    }
                    Ok(Value::Object(resolved))
                }
            },
            plain => Ok(plain.clone()),
        }
    }

    /// Whether the named condition of the template holds.
    pub(super) fn condition(&self, name: &str) -> Result<bool, TemplateError> {
        let condition = self.document.pointer(&format!("/Conditions/{name}")).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
        self.holds(condition)
    }

    fn intrinsic(&self, key: &str, argument: &Value) -> Result<Value, TemplateError> {
        let unreadable = || TemplateError::Intrinsic(format!("{key} {argument}"));
        match key {
            "Ref" => self.reference(argument.as_str().ok_or_else(unreadable)?),
            "Fn::GetAtt" => {
                let argument = self.resolve(argument)?;
                match argument.as_array().map(Vec::as_slice) {
                    Some([Value::String(resource), Value::String(attribute)]) => self.attribute(resource, attribute),
                    _ => Err(unreadable()),
                }
            }
            "Fn::Sub" => match argument {
                Value::String(text) => self.substitute(text, &Map::new()),
                Value::Array(parts) => match parts.as_slice() {
                    [Value::String(text), Value::Object(names)] => self.substitute(text, names),
                    _ => Err(unreadable()),
                },
                _ => Err(unreadable()),
            },
            "Fn::If" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(name), yes, no]) => self.resolve(if self.condition(name)? { yes } else { no }),
                _ => Err(unreadable()),
            },
            "Fn::Join" => {
                let argument = self.resolve(argument)?;
                let separator = argument[0].as_str().ok_or_else(unreadable)?;
                let parts = argument[1].as_array().ok_or_else(unreadable)?;
                Ok(Value::from(parts.iter().map(text).collect::<Vec<_>>().join(separator)))
            }
            "Fn::Split" => {
                let argument = self.resolve(argument)?;
                let separator = argument[0].as_str().ok_or_else(unreadable)?;
                let whole = argument[1].as_str().ok_or_else(unreadable)?;
                Ok(whole.split(separator).collect())
            }
            "Fn::Select" => {
                let argument = self.resolve(argument)?;
                let index: usize = text(&argument[0]).parse().map_err(|_| unreadable())?;
                argument[1].get(index).cloned().ok_or_else(unreadable)
            }
            "Fn::FindInMap" => {
                let argument = self.resolve(argument)?;
                let steps: Vec<_> = argument.as_array().into_iter().flatten().map(text).collect();
                self.document.pointer(&format!("/Mappings/{}", steps.join("/"))).cloned().ok_or_else(unreadable)
            }
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" | "Condition" => {
                Ok(Value::Bool(self.holds(&Value::Object(Map::from_iter([(key.to_owned(), argument.clone())])))?))
            }
            _ => Err(unreadable()),
        }
    }

    fn holds(&self, condition: &Value) -> Result<bool, TemplateError> {
        let unreadable = || TemplateError::Intrinsic(condition.to_string());
        let (key, argument) = condition.as_object().and_then(|object| object.iter().next()).ok_or_else(unreadable)?;
        if key == "Condition" {
            return self.condition(argument.as_str().ok_or_else(unreadable)?);
        }
        let arguments = argument.as_array().ok_or_else(unreadable)?;
        match (key.as_str(), arguments.as_slice()) {
            ("Fn::Equals", [left, right]) => Ok(text(&self.resolve(left)?) == text(&self.resolve(right)?)),
            ("Fn::Not", [inner]) => Ok(!self.holds(inner)?),
            ("Fn::And", all) => all.iter().try_fold(true, |so_far, one| Ok(so_far & self.holds(one)?)),
            ("Fn::Or", any) => any.iter().try_fold(false, |so_far, one| Ok(so_far | self.holds(one)?)),
            _ => Err(unreadable()),
        }
    }

    fn substitute(&self, template: &str, names: &Map<String, Value>) -> Result<Value, TemplateError> {
        let mut result = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| TemplateError::Intrinsic(template.to_owned()))?;
            result.push_str(before);
            match (name.strip_prefix('!'), names.get(name), name.split_once('.')) {
                (Some(literal), ..) => result.push_str(&format!("${{{literal}}}")),
                (None, Some(value), _) => result.push_str(&text(&self.resolve(value)?)),
                (None, None, Some((resource, attribute))) => {
                    result.push_str(&text(&self.attribute(resource, attribute)?));
                }
                (None, None, None) => result.push_str(&text(&self.reference(name)?)),
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(Value::from(result))
    }

    /// What `Ref` answers: a parameter's value, or a resource's name (the ARN for secrets and topics).
    pub(super) fn reference(&self, name: &str) -> Result<Value, TemplateError> {
        if name == "AWS::NoValue" {
            return Ok(Value::Null);
        }
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        let resource = self.document.pointer(&format!("/Resources/{name}")).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
        let property = |key: &str| match resource.pointer(&format!("/Properties/{key}")) {
            Some(value) => self.resolve(value),
            None => Ok(Value::from(name)),
        };
        match kind(resource) {
            "AWS::DynamoDB::Table" => property("TableName"),
            "AWS::S3::Bucket" => match property("BucketName")? {
                Value::String(own) if own == name => Ok(Value::from(name.to_lowercase())),
                given => Ok(given),
            },
            "AWS::Serverless::Function" => property("FunctionName"),
            "AWS::SecretsManager::Secret" | "AWS::SNS::Topic" => self.attribute(name, "Arn"),
            _ => Ok(Value::from(name)),
        }
    }

    fn attribute(&self, name: &str, attribute: &str) -> Result<Value, TemplateError> {
        if let Some(value) = self.values.get(&format!("{name}.{attribute}")) {
            return Ok(value.clone());
        }
        let resource = self.document.pointer(&format!("/Resources/{name}")).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
        let (region, account) = (text(&self.values[REGION]), text(&self.values[ACCOUNT]));
        let own = match kind(resource) {
            "AWS::SecretsManager::Secret" | "AWS::SNS::Topic" => name.to_owned(),
            _ => text(&self.reference(name)?),
        };
        Ok(Value::from(match (kind(resource), attribute) {
            ("AWS::DynamoDB::Table", "Arn") => {
                format!("arn:aws:dynamodb:{region}:{account}:table/{own}")
            }
            ("AWS::DynamoDB::Table", "StreamArn") => {
                format!("arn:aws:dynamodb:{region}:{account}:table/{own}/stream/2026-01-01T00:00:00.000")
            }
            ("AWS::S3::Bucket", "Arn") => format!("arn:aws:s3:::{own}"),
            ("AWS::SecretsManager::Secret", "Arn" | "Id") => {
                format!("arn:aws:secretsmanager:{region}:{account}:secret:{own}")
            }
            ("AWS::Serverless::Function", "Arn") => {
                format!("arn:aws:lambda:{region}:{account}:function:{own}")
            }
            ("AWS::SQS::Queue", "Arn") => format!("arn:aws:sqs:{region}:{account}:{own}"),
            ("AWS::SNS::Topic", "Arn") => format!("arn:aws:sns:{region}:{account}:{own}"),
            _ => format!("{own}.{attribute}"),
        }))
    }
}

/// The members of one of the template's sections.
pub(super) fn members<'a>(document: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    document.get(section).and_then(Value::as_object).into_iter().flatten()
}

/// A resource's type, empty when it has none.
pub(super) fn kind(resource: &Value) -> &str {
    resource.get("Type").and_then(Value::as_str).unwrap_or_default()
}

/// A scalar as CloudFormation writes it into a string.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_intrinsic(key: &str, argument: &Value) -> bool {
    key == "Ref" || key.starts_with("Fn::") || (key == "Condition" && argument.is_string())
}
