//! The description (OpenAPI): it names every route, and of each operation who may ask for it and every answer.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use qcert_protocol::{ErrorCode, operator::Role};
use serde_json::{Value, json};

use crate::{
    described::DOCUMENT,
    support::{ORIGIN, Workplace},
};

/// Every operation, as method, address and what is said of it.
pub fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, operations)| {
        operations
            .as_object()
            .unwrap()
            .iter()
            .map(|(method, operation)| (method.to_uppercase(), path.clone(), operation))
    });
    all.collect()
}

/// The addresses that the router knows, as its `Debug` prints them: `RouteId(7): "/healthz"`.
fn routes(router: &axum::Router) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let entries = text.split("RouteId(").filter_map(|entry| entry.split_once("): \"/"));
    entries.map(|(_, rest)| format!("/{}", rest.split('"').next().unwrap())).collect()
}

#[tokio::test]
async fn every_route_of_the_router_is_described_and_no_other() {
    let workplace = Workplace::new().await;
    let mut routes = routes(&workplace.router);
    // Everything else under `/api`, and everything else: the page.
    for others in ["/api", "/api/", "/api/{*rest}", "/", "/{*__private__axum_fallback}"] {
        assert!(routes.remove(others), "{others} in {routes:?}");
    }
    let routes: BTreeSet<String> = routes.into_iter().map(|path| path.replace("{*", "{")).collect();
    let described: BTreeSet<String> = operations().into_iter().map(|(_, path, _)| path).collect();
    assert!(described.len() > 40, "{described:?}");
    assert_eq!(routes, described);
}

#[tokio::test]
async fn what_is_served_is_the_description_with_the_cookie_that_the_portal_sets() {
    for (origin, cookie) in [(ORIGIN, "qcert"), ("https://portal.example", "__Host-qcert")] {
        let workplace = Workplace::with(&format!("[server]\norigin = \"{origin}\"")).await;
        let request = Request::get("/api/openapi.json").body(Body::empty()).unwrap();
        let served = workplace.browser().send(request).await.json();
        assert_eq!(served["paths"], DOCUMENT["paths"]);
        let schemes = &served["components"]["securitySchemes"];
        assert_eq!((&schemes["session"]["in"], &schemes["session"]["name"]), (&json!("cookie"), &json!(cookie)));
        assert_eq!(schemes["operator"]["scheme"], "bearer");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_words_and_exact_answers() {
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} twice");
        assert!(operation["summary"].as_str().is_some_and(|words| words.len() > 5), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!((200..600).contains(&status.parse::<u16>().unwrap()), "{method} {path}: {status}");
            if status.as_str() >= "400" {
                assert!(
                    codes(response).iter().all(|code| code.http_status().to_string() == *status),
                    "{method} {path}"
                );
            }
        }
    }
}

/// The codes of a documented answer.
fn codes(response: &Value) -> Vec<ErrorCode> {
    // That a server is not ready is what was asked, and no problem of whoever asks.
    if response["content"]["application/json"]["schema"] == json!({"$ref": "#/components/schemas/Ready"}) {
        return Vec::new();
    }
    let schema = &response["content"]["application/problem+json"]["schema"]["allOf"][1];
    serde_json::from_value(schema["properties"]["code"]["enum"].clone()).unwrap()
}

#[test]
fn what_an_operation_says_of_codes_and_roles_is_understood() {
    for (method, path, operation) in operations() {
        for (name, said) in operation.as_object().unwrap().iter().filter(|(name, _)| name.starts_with("x-")) {
            match name.as_str() {
                "x-problem-codes" => {
                    let said: Vec<ErrorCode> = serde_json::from_value(said.clone()).unwrap();
                    let documented = |code: &ErrorCode| {
                        codes(&operation["responses"][code.http_status().to_string()]).contains(code)
                    };
                    assert!(said.iter().all(documented), "{method} {path}: {said:?}");
                }
                "x-roles" => {
                    let roles: Vec<Role> = serde_json::from_value(said.clone()).unwrap();
                    assert_eq!(operation["security"], json!([{"operator": []}]), "{method} {path}: {roles:?}");
                }
                other => panic!("{method} {path}: nobody reads {other}"),
            }
        }
    }
}

#[test]
fn every_code_of_the_portal_is_the_answer_of_some_operation() {
    let mut answered: Vec<ErrorCode> = Vec::new();
    for (_, _, operation) in operations() {
        let problems =
            operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.as_str() >= "400");
        answered.extend(problems.flat_map(|(_, response)| codes(response)));
    }
    // A method that is not described is not among the operations.
    let portals = ErrorCode::ALL.iter().filter(|code| code.http_status() > 0 && **code != ErrorCode::MethodNotAllowed);
    let missing: Vec<_> = portals.filter(|code| !answered.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_file_is_described_as_its_bytes() {
    let file = &DOCUMENT["paths"]["/api/v1/certificates/{id}/file"]["get"]["responses"]["200"]["content"];
    assert_eq!(file["application/pkix-cert"]["schema"], json!({"type": "string", "format": "binary"}));
}
