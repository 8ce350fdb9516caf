//! YAML with CloudFormation's short tags, as JSON in the long form: `!Ref A` becomes `{"Ref": "A"}`,
//! `!GetAtt A.Arn` becomes `{"Fn::GetAtt": ["A", "Arn"]}`, `!Sub x` becomes `{"Fn::Sub": "x"}`.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

use super::TemplateError;

/// Reads the first document of `text`.
pub(super) fn read(text: &str) -> Result<Value, TemplateError> {
    let documents = Yaml::load_from_str(text).map_err(|error| TemplateError::Yaml(error.to_string()))?;
    let document = documents.first().ok_or_else(|| TemplateError::Yaml("the template is empty".to_owned()))?;
    value(document)
}

fn value(node: &Yaml<'_>) -> Result<Value, TemplateError> {
    match node {
        Yaml::Value(scalar) => Ok(plain(scalar)),
        Yaml::Representation(text, ..) => Ok(Value::String(text.to_string())),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(pairs) => {
            let mut object = Map::new();
            for (key, member) in pairs {
                object.insert(name(key)?, value(member)?);
            }
            Ok(Value::Object(object))
        }
        Yaml::Tagged(tag, inner) if tag.is_yaml_core_schema() => value(inner),
        Yaml::Tagged(tag, inner) => Ok(long_form(&tag.suffix, value(inner)?)),
        Yaml::Alias(_) | Yaml::BadValue => Err(TemplateError::Yaml(format!("cannot read {node:?}"))),
    }
}

fn plain(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(flag) => Value::Bool(*flag),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::FloatingPoint(number) => Value::from(number.into_inner()),
        Scalar::String(text) => Value::String(text.to_string()),
    }
}

/// Keys of a template are words; YAML reads some of them (`on`, numbers) as something else.
fn name(key: &Yaml<'_>) -> Result<String, TemplateError> {
    match value(key)? {
        Value::String(text) => Ok(text),
        scalar @ (Value::Number(_) | Value::Bool(_)) => Ok(scalar.to_string()),
        other => Err(TemplateError::Yaml(format!("{other} is no key"))),
    }
}

/// The documented long form of a short tag.
fn long_form(tag: &str, argument: Value) -> Value {
    let tag = tag.trim_start_matches('!');
    let (key, argument) = match (tag, argument) {
        ("Ref" | "Condition", argument) => (tag.to_owned(), argument),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((&path, ""));
            ("Fn::GetAtt".to_owned(), Value::from(vec![resource, attribute]))
        }
        (_, argument) => (format!("Fn::{tag}"), argument),
    };
    Value::Object(Map::from_iter([(key, argument)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn short_tags_become_the_long_form() {
        let text = "
A: !Ref Table
B: !GetAtt Table.Arn
C: !Sub 'x-${Table}'
D: !If [Yes, !Ref A, !Ref 'AWS::NoValue']
E: !Not [!Equals [!Ref A, '']]
F: {Ref: Table}
G: !Sub
  - '${X}/y'
  - {X: !Ref A}
Version: 2012-10-17
Zero: '0123'
";
        assert_eq!(
            super::read(text).unwrap(),
            json!({
                "A": {"Ref": "Table"},
                "B": {"Fn::GetAtt": ["Table", "Arn"]},
                "C": {"Fn::Sub": "x-${Table}"},
                "D": {"Fn::If": ["Yes", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]},
                "E": {"Fn::Not": [{"Fn::Equals": [{"Ref": "A"}, ""]}]},
                "F": {"Ref": "Table"},
                "G": {"Fn::Sub": ["${X}/y", {"X": {"Ref": "A"}}]},
                "Version": "2012-10-17",
                "Zero": "0123",
            })
        );
    }
}
