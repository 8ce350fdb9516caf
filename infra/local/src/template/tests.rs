use std::collections::BTreeMap;

use super::{Route, Schedule, Template, TemplateError};

const TEXT: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  SenderAddress: {Type: String}
  Domain: {Type: String, Default: ''}
Conditions:
  HasDomain: !Not [!Equals [!Ref Domain, '']]
Globals:
  Function:
    Timeout: 10
    Environment:
      Variables:
        RUST_LOG: info
        PUBLIC_URL: !If [HasDomain, !Sub 'https://${Domain}', '']
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  SendCodeFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/send-code/
      Environment:
        Variables:
          PORTALS_TABLE: !Ref PortalsTable
          SECRET_ARN: !Ref DeploymentSecret
          SENDER_ADDRESS: !Ref SenderAddress
          CAP: 60
      Policies:
        - Statement:
            - Effect: Allow
              Action: [dynamodb:BatchGetItem, dynamodb:PutItem]
              Resource: !GetAtt PortalsTable.Arn
            - Effect: Allow
              Action: sns:Publish
              NotResource: !Sub 'arn:${AWS::Partition}:sns:*:*:*'
      Events:
        Codes:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Path: '/v1/portals/{portal}/codes', Method: any}
        Default:
          Type: HttpApi
          Properties: {ApiId: !Ref Api}
        Tick:
          Type: Schedule
          Properties: {Schedule: rate(5 minutes)}
  OtherFunction:
    Type: AWS::Serverless::Function
    Condition: HasDomain
    Properties: {CodeUri: x/}
  PortalsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
        - {AttributeName: dueAt, AttributeType: N}
      KeySchema:
        - {AttributeName: pk, KeyType: HASH}
        - {AttributeName: sk, KeyType: RANGE}
      GlobalSecondaryIndexes:
        - IndexName: due
          KeySchema: [{AttributeName: sk, KeyType: HASH}, {AttributeName: dueAt, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  SendCodeStream:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref SendCodeFunction
      EventSourceArn: !GetAtt PortalsTable.StreamArn
      BatchSize: 10
      MaximumRetryAttempts: 2
      FilterCriteria: {Filters: [{Pattern: '{"eventName": ["INSERT"]}'}]}
  DeploymentSecret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString: {PasswordLength: 64, ExcludePunctuation: true}
"#;

fn read(given: &[(&str, &str)]) -> Result<Template, TemplateError> {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Template::read(TEXT, &given.collect::<BTreeMap<_, _>>())
}

#[test]
fn functions_have_their_environment_events_and_rights() {
    let template = read(&[("SenderAddress", "a@b.test")]).unwrap();
    assert_eq!(template.functions.len(), 1, "a condition that does not hold leaves its resource out");
    let function = template.function("send-code").unwrap();
    let environment: Vec<_> = function.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        environment,
        [
            ("CAP", "60"),
            ("PORTALS_TABLE", "PortalsTable"),
            ("PUBLIC_URL", ""),
            ("RUST_LOG", "info"),
            ("SECRET_ARN", "arn:aws:secretsmanager:us-east-1:000000000000:secret:DeploymentSecret"),
            ("SENDER_ADDRESS", "a@b.test"),
        ]
    );
    assert_eq!(function.timeout_seconds, 10);
    let route = |path: &str| Route { method: "ANY".to_owned(), path: path.to_owned() };
    assert_eq!(function.routes, [route("/v1/portals/{portal}/codes"), route("$default")]);
    assert_eq!(function.schedules, [Schedule { name: "Tick".to_owned(), rate_seconds: 300 }]);
    let [tables, publish] = function.statements.as_slice() else { panic!("two statements") };
    assert_eq!(tables.actions, ["dynamodb:BatchGetItem", "dynamodb:PutItem"]);
    assert_eq!(tables.resources, ["arn:aws:dynamodb:us-east-1:000000000000:table/PortalsTable"]);
    assert_eq!(publish.not_resources, ["arn:aws:sns:*:*:*"]);
}

#[test]
fn tables_and_secrets_are_described() {
    let template = read(&[("SenderAddress", "a@b.test"), ("PortalsTable", "p-1")]).unwrap();
    let table = &template.tables[0];
    assert_eq!(table.name, "p-1");
    assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"));
    let keys: Vec<_> = table.keys.iter().map(|key| (key.name.as_str(), key.kind.as_str())).collect();
    assert_eq!(keys, [("pk", "HASH"), ("sk", "RANGE")]);
    let due: Vec<_> = table.indexes[0].keys.iter().map(|key| (key.name.as_str(), key.attribute_type.as_str())).collect();
    assert_eq!((table.indexes[0].name.as_str(), due), ("due", vec![("sk", "S"), ("dueAt", "N")]));
    assert_eq!(table.indexes[0].projection, "KEYS_ONLY");
    assert_eq!(template.secrets[0].length, 64);
}

#[test]
fn streams_name_their_function() {
    let template = read(&[("SenderAddress", "a@b.test"), ("PortalsTable", "p-1")]).unwrap();
    let stream = &template.streams[0];
    assert_eq!((stream.table(), stream.function.as_str()), ("p-1", "send-code"));
    assert_eq!((stream.batch_size, stream.retries), (10, 2));
    assert_eq!(stream.filters, [serde_json::json!({"eventName": ["INSERT"]})]);
    assert_eq!(template.tables[0].stream.as_deref(), Some("NEW_IMAGE"));
}

#[test]
fn given_values_steer_conditions() {
    let template = read(&[("SenderAddress", "a@b.test"), ("Domain", "portico.test")]).unwrap();
    assert_eq!(template.functions.len(), 2);
    let function = template.function("send-code").unwrap();
    assert_eq!(function.environment["PUBLIC_URL"], "https://portico.test");
}

#[test]
fn a_parameter_without_a_value_is_an_error() {
    assert!(matches!(read(&[]), Err(TemplateError::Unknown(name)) if name == "SenderAddress"));
}

#[test]
fn the_projects_own_template_is_readable() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")).unwrap();
    let given = BTreeMap::from([("SenderAddress".to_owned(), "no-reply@portico.test".to_owned())]);
    let template = Template::read(&text, &given).unwrap();
    assert!(template.functions.iter().any(|function| function.routes.iter().any(|route| route.path == "$default")));
    assert!(template.tables.iter().any(|table| table.ttl_attribute.is_some()));
    assert_eq!(template.secrets[0].length, 64);
}
