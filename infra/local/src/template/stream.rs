//! Streams of tables that call functions: `AWS::Lambda::EventSourceMapping`.

use serde_json::Value;

use super::TemplateError;
use super::scope::{Scope, text};

/// The stream of a table, and the function that gets its records.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Resource name.
    pub resource: String,
    /// The stream's ARN.
    pub arn: String,
    /// The crate of the function.
    pub function: String,
    /// Most records in one call.
    pub batch_size: usize,
    /// How often a record is handed over again, after the first time, until it is given up.
    pub retries: u32,
    /// A record is handed over when it is like one of these patterns, or when there is none.
    pub filters: Vec<Value>,
    /// ARN of the queue for what is given up.
    pub undeliverable: Option<String>,
}

impl Stream {
    /// The name of the table that the stream belongs to.
    #[must_use]
    pub fn table(&self) -> &str {
        self.arn.split('/').nth(1).unwrap_or_default()
    }
}

/// Reads the mapping `resource`.
pub(super) fn read(document: &Value, scope: &Scope<'_>, resource: &str, body: &Value) -> Result<Stream, TemplateError> {
    let wrong = |problem: &str| TemplateError::Resource { resource: resource.to_owned(), problem: problem.to_owned() };
    let function = body["Properties"]["FunctionName"]["Ref"].as_str().ok_or_else(|| wrong("FunctionName is no Ref"))?;
    let code = scope.resolve(&document["Resources"][function]["Properties"]["CodeUri"])?;
    let properties = scope.resolve(&body["Properties"])?;
    let number = |name: &str| text(&properties[name]).parse::<u32>().map_err(|_| wrong(&format!("{name} is no number")));
    let pattern = |filter: &Value| serde_json::from_str(&text(&filter["Pattern"])).map_err(|_| wrong("a filter is no JSON"));
    let filters = properties["FilterCriteria"]["Filters"].as_array();
    Ok(Stream {
        resource: resource.to_owned(),
        arn: text(&properties["EventSourceArn"]),
        function: text(&code).trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned(),
        batch_size: usize::try_from(number("BatchSize")?).unwrap_or(1),
        retries: number("MaximumRetryAttempts")?,
        filters: filters.into_iter().flatten().map(pattern).collect::<Result<_, _>>()?,
        undeliverable: properties["DestinationConfig"]["OnFailure"]["Destination"].as_str().map(str::to_owned),
    })
}
