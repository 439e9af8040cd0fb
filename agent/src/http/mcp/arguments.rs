//! A tool's arguments: from JSON to the pairs that the HTTP API reads, and the JSON schema that tells of them.
//!
//! Pure. Wrong types get the sentences of wrong values. The surprise: the schema allows more than is valid (a time is any text),
//! so that a mistake comes here, where it gets a sentence that names what is valid.

use serde_json::{Map, Value, json};

use crate::http::error::ApiError;
use crate::http::mcp::answer::clip;
use crate::http::parameter::{Parameter, Presence};
use crate::http::query::{self, Pairs, QueryError, Table};
use crate::http::values::Values;

/// Characters of a mistake's sentence.
const MOST_CHARS: usize = 2_000;

/// The pairs of some arguments; null is as not given.
pub(super) fn pairs(arguments: &Map<String, Value>, table: Table) -> Result<Pairs, QueryError> {
    let mut pairs = Pairs::new();
    for (name, value) in arguments.iter().filter(|(_, value)| !value.is_null()) {
        match table.iter().find(|known| known.name == name) {
            Some(known) => read(known, value, &mut pairs)?,
            // Said by whoever knows the names that are valid.
            None => pairs.push((name.clone(), String::new())),
        }
    }
    Ok(pairs)
}

fn read(parameter: &'static Parameter, value: &Value, pairs: &mut Pairs) -> Result<(), QueryError> {
    let wrong = || query::invalid(parameter, &value.to_string());
    let name = || parameter.name.to_owned();
    match value {
        Value::String(text) => pairs.push((name(), text.clone())),
        Value::Number(number) if takes_numbers(&parameter.values) => pairs.push((name(), number.to_string())),
        Value::Array(items) if is_list(&parameter.values) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            let texts = texts.ok_or_else(wrong)?;
            if !texts.is_empty() {
                pairs.push((name(), texts.join(",")));
            }
        }
        _ => return Err(wrong()),
    }
    Ok(())
}

fn takes_numbers(values: &Values) -> bool {
    matches!(values, Values::Number { .. } | Values::Time | Values::Length)
}

fn is_list(values: &Values) -> bool {
    values.most_names().is_some() || matches!(values, Values::SomeOf(_) | Values::Labels | Values::Settings)
}

/// The schema of a tool's arguments.
pub(super) fn schema(table: Table, example: &Value) -> Map<String, Value> {
    let properties: Map<String, Value> = table.iter().map(|known| (known.name.to_owned(), property(known))).collect();
    let required: Vec<&str> =
        table.iter().filter(|known| known.presence == Presence::Required).map(|known| known.name).collect();
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "examples": [example],
    });
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn property(parameter: &Parameter) -> Value {
    let text = |help: &str| json!({ "type": "string", "description": help });
    let help = in_tools_words(parameter.help);
    let with_words = format!("{help}: {}", in_tools_words(&parameter.values.words()));
    let mut schema = match &parameter.values {
        Values::Metric => text(&help),
        Values::Metrics { at_most } => {
            json!({ "type": "array", "items": { "type": "string" }, "maxItems": at_most, "description": help })
        }
        Values::SomeOf(words) => {
            json!({ "type": "array", "items": { "type": "string", "enum": words() }, "description": help })
        }
        Values::Labels | Values::Settings | Values::Time | Values::Length | Values::Aggregate | Values::Group => {
            text(&with_words)
        }
        other => {
            let mut schema = other.schema();
            schema["description"] = json!(help);
            schema
        }
    };
    if let Presence::Default(default) = parameter.presence {
        let number = default.parse::<u64>().ok().filter(|_| matches!(parameter.values, Values::Number { .. }));
        schema["default"] = number.map_or_else(|| json!(default), |number| json!(number));
    }
    schema
}

/// A sentence about the API in the words of tools.
fn in_tools_words(text: &str) -> String {
    [
        ("`/api/metrics`", "list_metrics"),
        ("/api/metrics", "list_metrics"),
        ("/api/containers", "list_containers"),
        ("/api/status", "list_nodes"),
        ("`/api/studies`", "fgm://studies"),
        ("/api/studies", "fgm://studies"),
        (", separated by commas or in a parameter each", ""),
        ("this path takes", "this tool takes"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (path, tool)| text.replace(path, tool))
}

/// What went wrong, for whoever called.
pub(super) fn sentence(error: &ApiError) -> String {
    let mut sentence = in_tools_words(&error.to_string());
    clip(&mut sentence, MOST_CHARS);
    sentence
}
