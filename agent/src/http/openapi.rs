//! `/api/openapi.json`: the API described in OpenAPI 3.1, from the tables that the code itself goes by.
//!
//! Parameters come from `parameter.rs`, paths from `endpoint.rs`, replies from the types that are serialised. What OpenAPI has no
//! words for (that `from` lies before `to`, which metrics there are) is in the sentences of errors.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::analysis::studies;
use crate::http::Shared;
use crate::http::answer::{self, Content, Lasts, Made, Wish};
use crate::http::api::{Parameters, none};
use crate::http::endpoint::{ENDPOINTS, Endpoint, Reply};
use crate::http::error::ApiError;
use crate::http::parameter::{Parameter, Presence};
use crate::http::values::{self, Values};
use crate::service::question::AskError;

/// Whether a token is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guarded(pub(super) bool);

/// `/api/openapi.json`
pub(super) async fn openapi(
    State(shared): State<Arc<Shared>>,
    Extension(Guarded(guarded)): Extension<Guarded>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    none(parameters)?;
    answer::answer(&shared, Wish::of(&headers), move |service, _| {
        let version = &service.facts.get().version;
        let body =
            serde_json::to_vec(&document(version, guarded)).map_err(|error| AskError::Failed(error.to_string()))?;
        Ok(Made { content: Content::Whole(body), content_type: "application/json", lasts: Lasts::Sealed })
    })
    .await
}

/// The whole description; `guarded` where a token is asked for.
fn document(version: &str, guarded: bool) -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let described = ENDPOINTS.iter().filter(|endpoint| endpoint.path.starts_with("/api/"));
    let paths: Map<String, Value> = described
        .map(|endpoint| (endpoint.path.to_owned(), json!({ "get": operation(endpoint, &mut schemas) })))
        .collect();
    let mut components = json!({ "schemas": schemas.take_definitions(true), "responses": { "Error": refusal() } });
    components["schemas"][values::METRIC_NAME] = values::metric_name();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "fine-grained-monitor", "version": version, "description": DESCRIPTION },
        "servers": [{ "url": "/" }],
        "paths": paths,
    });
    if guarded {
        components["securitySchemes"] = json!({ "token": { "type": "http", "scheme": "bearer" } });
        document["security"] = json!([{ "token": [] }]);
    }
    document["components"] = components;
    document
}

const DESCRIPTION: &str = "What was recorded of this node's containers. GET and HEAD only; parameters that a path does not \
                           have are refused.";

fn operation(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Value {
    let refusals = endpoint.statuses.iter().map(|status| (status.to_string(), refused(*status)));
    let responses: Map<String, Value> =
        [("200".to_owned(), replied(endpoint.replies, schemas))].into_iter().chain(refusals).collect();
    json!({
        "operationId": endpoint.path.trim_start_matches("/api/").trim_end_matches(".json").trim_end_matches("/{id}"),
        "summary": endpoint.answers,
        "parameters": of_path(endpoint).chain(endpoint.parameters.iter().map(|known| parameter(known))).collect::<Vec<_>>(),
        "responses": responses,
    })
}

/// What is part of the path itself.
fn of_path(endpoint: &Endpoint) -> impl Iterator<Item = Value> {
    let ids: Vec<&str> = studies::ALL.iter().map(|study| study.about().id).collect();
    let id = json!({
        "name": "id",
        "in": "path",
        "description": "the study, by its id in `/api/studies`",
        "required": true,
        "schema": { "type": "string", "enum": ids },
    });
    endpoint.path.contains("{id}").then_some(id).into_iter()
}

fn parameter(known: &Parameter) -> Value {
    let mut schema = known.values.schema();
    if let Presence::Default(text) = known.presence {
        // A default has the type that the schema names.
        let number = matches!(known.values, Values::Number { .. } | Values::Points).then(|| text.parse::<u64>().ok());
        schema["default"] = number.flatten().map_or_else(|| json!(text), |number| json!(number));
    }
    let mut described = json!({
        "name": known.name,
        "in": "query",
        "description": format!("{}; {}", known.help, known.values.words()),
        "required": known.presence == Presence::Required,
        "schema": schema,
    });
    if let Some(example) = known.example {
        let is_list = known.values.most_names().is_some();
        described["example"] = if is_list { json!([example]) } else { json!(example) };
    }
    described
}

fn replied(replies: &[Reply], schemas: &mut SchemaGenerator) -> Value {
    let content: Map<String, Value> = replies
        .iter()
        .map(|reply| {
            let media = reply.schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema(schemas) }));
            (reply.content_type.to_owned(), media)
        })
        .collect();
    json!({ "description": "The answer", "content": content })
}

fn refused(status: u16) -> Value {
    match StatusCode::from_u16(status) {
        Ok(StatusCode::NOT_MODIFIED) => {
            json!({ "description": "The answer is the one with the tag that the client has" })
        }
        // It is refused before anybody could say more.
        Ok(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) => {
            json!({ "description": "The head of the request is too large" })
        }
        _ => json!({ "$ref": "#/components/responses/Error" }),
    }
}

fn refusal() -> Value {
    let schema = json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": { "type": "string", "description": "Why, and what is valid" } },
    });
    json!({ "description": "No answer, and why", "content": { "application/json": { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_and_parameter_is_described() {
        let document = document("0.1.0", false);
        for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.path.starts_with("/api/")) {
            let operation = &document["paths"][endpoint.path]["get"];
            let parameters = operation["parameters"].as_array().unwrap();
            let of_path = usize::from(endpoint.path.contains('{'));
            assert_eq!(parameters.len(), endpoint.parameters.len() + of_path, "{}", endpoint.path);
            assert_eq!(operation["responses"].as_object().unwrap().len(), endpoint.statuses.len() + 1);
        }
        assert!(document.get("security").is_none());
        assert_eq!(super::document("0.1.0", true)["security"], json!([{ "token": [] }]));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document("0.1.0", false);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}
