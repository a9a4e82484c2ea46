//! `GET /api/openapi.json`: the API described for machines. What is asked comes from the list that the router is made
//! from; the shapes of what is answered stand in openapi.json beside this file.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::endpoints::{Access, ENDPOINTS, Endpoint};

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let mut description: Value = serde_json::from_str(include_str!("openapi.json")).expect("a test reads openapi.json");
    description["paths"] = paths();
    description.to_string()
});

pub async fn description() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION.as_str())
}

fn paths() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in ENDPOINTS {
        let operations = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        operations[endpoint.method] = operation(endpoint);
    }
    Value::Object(paths)
}

fn operation(endpoint: &Endpoint) -> Value {
    let parameters: Vec<Value> =
        endpoint.parameters.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })).collect();
    let (status, schema) = endpoint.answer;
    let mut answer = json!({ "description": "Done" });
    if status != 204 {
        answer["content"] =
            json!({ "application/json": schema.map_or(json!({}), |name| json!({ "schema": shape(name) })) });
    }
    let mut operation = json!({
        "summary": endpoint.summary,
        "description": for_whom(endpoint.access),
        "parameters": parameters,
        "responses": { status.to_string(): answer, "default": { "$ref": "#/components/responses/Error" } },
    });
    if endpoint.answer.1 == Some("Answer") {
        operation["responses"]["304"] = json!({ "description": "What the client has is still good" });
    }
    if let Some(name) = endpoint.body {
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": shape(name) } } });
    }
    if endpoint.access == Access::Anyone {
        operation["security"] = json!([]);
    }
    operation
}

fn shape(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn for_whom(access: Access) -> &'static str {
    match access {
        Access::Anyone => "For anyone, signed in or not.",
        Access::Subtree => {
            "For whoever is signed in. What lies outside their subtree is a 404, as what does not exist."
        }
        Access::Server => "For those who see the whole server; for anyone else a 404.",
        Access::Own => "For a person, about their own; for a token a 404.",
        Access::Accounts => {
            "For a person who answers for the server or a domain, about the accounts below them; else a 404."
        }
    }
}
