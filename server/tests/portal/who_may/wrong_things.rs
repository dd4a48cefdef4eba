//! Everything that can be wrong with a request, on every operation: always a documented problem with its code (which
//! `described.rs` compares), never a fault of ours.

use axum::http::{Request, header};

use super::{
    Everybody, May, Operators, TABLE,
    world::{Came, Shown, World},
};
use crate::{described::DOCUMENT, description::operations};

const JSON: &str = "application/json";
const MIB: usize = 1024 * 1024;

/// Somebody who may ask.
fn caller<'a>(world: &'a World, may: &May) -> &'a Shown {
    match may {
        Operators(_) => &world.everything,
        _ => &world.owner,
    }
}

/// Operations of the API that read a body, with one that is read.
fn reading() -> impl Iterator<Item = &'static (&'static str, May, &'static str)> {
    TABLE.iter().filter(|(operation, _, body)| operation.contains(" /api/v1/") && !body.is_empty())
}

async fn send(world: &World, shown: &Shown, operation: &str, content_type: Option<&str>, body: &[u8]) -> Came {
    let (method, path) = operation.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(world.address(path));
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    world.send(shown, request, body.to_vec()).await
}

/// Bodies that are none, made of one that is read.
fn malformed(body: &str) -> Vec<(&'static str, Vec<u8>)> {
    let inner = &body.trim()[1..body.trim().len() - 1];
    let mut broken = body.as_bytes().to_vec();
    broken.insert(body.len() / 2, 0xff);
    let mut bodies = vec![
        ("nothing", b" ".to_vec()),
        ("half", body.as_bytes()[..body.len() / 2].to_vec()),
        ("no UTF-8", broken),
        ("more behind it", format!("{body} {body}").into_bytes()),
        ("nested too deep", "[".repeat(10_000).into_bytes()),
        ("null", b"null".to_vec()),
        ("a number", b"7".to_vec()),
        ("a list of numbers", b"[7]".to_vec()),
        ("a field that nobody knows", format!("{{\"isAdmin\": true, {inner}}}").replace(", }", "}").into_bytes()),
    ];
    if inner.contains(':') {
        let name = inner.split(':').next().unwrap().trim();
        bodies.push(("a field twice", format!("{{{inner}, {inner}}}").into_bytes()));
        for wrong in ["7.5", "{}", "[[]]", "null", "true"] {
            bodies.push(("a field of another type", format!("{{{name}: {wrong}}}").into_bytes()));
        }
    }
    bodies
}

#[tokio::test]
async fn a_body_that_is_not_the_documented_one_is_told_as_what_it_is() {
    let world = World::new().await;
    for (operation, may, body) in reading() {
        let shown = caller(&world, may);
        for content_type in
            [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx")]
        {
            let came = send(&world, shown, operation, content_type, body.as_bytes()).await;
            assert_eq!(came.code, "media_type_unsupported", "{operation} {content_type:?}");
        }
        // A file says line by line what is wrong with it.
        let codes: &[&str] = match operation.rsplit('/').next() {
            Some("import") => &["import_refused"],
            Some("{number}") => &["body_malformed", "import_refused"],
            _ => &["body_malformed"],
        };
        for (what, wrong) in malformed(body) {
            let came = send(&world, shown, operation, Some(JSON), &wrong).await;
            assert!(codes.contains(&came.code.as_str()), "{operation}: {what}: {} {}", came.status, came.code);
        }
        if !operation.ends_with("/import") {
            let padded = [body.as_bytes(), &vec![b' '; MIB]].concat();
            let came = send(&world, shown, operation, Some(JSON), &padded).await;
            assert_eq!((came.status.as_u16(), came.code.as_str()), (413, "body_too_large"), "{operation}");
        }
    }
}

#[tokio::test]
async fn a_text_is_as_long_as_it_was_sent_with_what_is_cut_off() {
    let world = World::new().await;
    for end in ["/mistakes", "/{id}/answer", "/rejection"] {
        let (operation, may, body) = reading().find(|row| row.0.ends_with(end)).unwrap();
        let padded = body.replace("\"x\"", &format!("\"x{}\"", " ".repeat(1000)));
        assert_eq!(world.ask(caller(&world, may), operation, &padded).await.code, "field_invalid", "{operation}");
    }
}

#[tokio::test]
async fn an_address_with_words_that_name_nothing_finds_nothing() {
    let world = World::new().await;
    let long = "a".repeat(10_000);
    let words = ["x", "%ff", "%00", "%2e%2e", "%0a", "%F0%9F%A6%80", "'--", "%7B%7D", "019ca000-0000-7000-8000", &long];
    for (operation, may, body) in TABLE.iter().filter(|row| row.0.contains('{')) {
        let (method, path) = operation.split_once(' ').unwrap();
        for word in words {
            let parts = path.split('/').map(|part| if part.starts_with('{') { word } else { part });
            let address = parts.collect::<Vec<_>>().join("/");
            let request = Request::builder().method(method).uri(address).header(header::CONTENT_TYPE, JSON);
            let came = world.send(caller(&world, may), request, body.as_bytes().to_vec()).await;
            let named = if path.starts_with("/ocsp") { came.status == 200 } else { came.status.is_client_error() };
            assert!(named, "{operation} {word:.20}: {}", came.status);
            let is_id = path.contains("{id}");
            assert!(!is_id || came.code == "not_found", "{operation} {word:.20}: {} {}", came.status, came.code);
            assert!(came.status.is_success() || !came.code.is_empty(), "{operation} {word:.20}: without a code");
        }
    }
}

#[tokio::test]
async fn a_query_that_nobody_reads_changes_nothing_and_one_that_is_read_is_checked() {
    let world = World::new().await;
    let long = format!("after={}", "9".repeat(10_000));
    let queries =
        ["after=x", "after=%ff", "after=", "after=x&after=1", "&&&===", "after=99999999999999999999", "%", &long];
    for (operation, may, _) in TABLE.iter().filter(|row| row.0.starts_with("GET ")) {
        let path = operation.split_once(' ').unwrap().1;
        let reads =
            DOCUMENT["paths"][path]["get"]["parameters"].as_array().into_iter().flatten().any(|it| it["in"] == "query");
        let plain = world.ask(caller(&world, may), operation, "").await;
        for query in queries {
            let request = Request::get(format!("{}?{query}", world.address(path)));
            let came = world.send(caller(&world, may), request, Vec::new()).await;
            let is_refused = reads && query.starts_with("after=");
            let expected = if is_refused { "field_invalid" } else { &plain.code };
            assert_eq!(came.code, expected, "{operation} {query:.30}");
        }
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_know_is_told_those_that_it_knows() {
    let world = World::new().await;
    let paths = DOCUMENT["paths"].as_object().unwrap();
    for (path, described) in paths {
        let mut known: Vec<String> =
            described.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        if known.contains(&"GET".to_owned()) {
            known.push("HEAD".to_owned());
        }
        known.sort();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if known.iter().any(|it| it == method) {
                continue;
            }
            let shown = if path.contains("/operator/") { &world.everything } else { &world.owner };
            let request = Request::builder().method(method).uri(world.address(path));
            let came = world.send(shown, request, Vec::new()).await;
            // The body of an answer to HEAD is nowhere.
            assert_eq!(came.status, 405, "{method} {path}");
            assert!(came.code == "method_not_allowed" || method == "HEAD", "{method} {path}: {}", came.code);
            let mut allowed: Vec<&str> = came.headers[header::ALLOW].to_str().unwrap().split(',').collect();
            allowed.sort_unstable();
            assert_eq!(allowed, known, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_begins_with_get_answers_head_alike_without_a_body() {
    let world = World::new().await;
    for (method, path, _) in
        operations().into_iter().filter(|(method, path, _)| method == "GET" && path != "/api/v1/events")
    {
        let may = TABLE.iter().find(|row| row.0 == format!("{method} {path}")).map_or(&Everybody, |row| &row.1);
        let got = world.ask(caller(&world, may), &format!("GET {path}"), "").await;
        let headed = world.ask(caller(&world, may), &format!("HEAD {path}"), "").await;
        assert_eq!((got.status, headed.code.as_str()), (headed.status, ""), "{path}");
    }
}
