//! The description of the API (OpenAPI), made of the routes' own types.
//!
//! An operation names in `x-problem-codes` what it refuses of its own, and in `x-roles` the operators that may ask for
//! it. What follows of its method, address, body and caller is added here, so that nobody has to remember it; and each
//! status becomes an answer with exactly its codes.

use std::collections::BTreeMap;

use qcert_protocol::{
    ErrorCode::{self, *},
    operator::{ImportProblem, Role},
    portal::{API, Problem},
};
use utoipa::{
    OpenApi, PartialSchema, ToSchema,
    openapi::{
        AllOfBuilder, ContentBuilder, Header, KnownFormat, ObjectBuilder, OpenApi as Document, PathItem, RefOr,
        Response, Schema, SchemaFormat,
        path::{Operation, ParameterIn},
        schema::{Components, Ref, Type},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::{cookie, problem};

/// What an operation refuses of its own.
const CODES: &str = "x-problem-codes";
/// The operators' roles of which one is needed.
const ROLES: &str = "x-roles";
/// The scheme of somebody who is signed in.
const SESSION: &str = "session";
/// The scheme of an operator with a token.
const OPERATOR: &str = "operator";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Qcert portal",
        description = "From a phone number to an installed certificate. Errors are problems (RFC 9457) with a code; \
            each operation lists those that it may answer. An address that is not described here and begins with \
            `/api` answers 404 `not_found`, a method that an address does not know 405 `method_not_allowed` with \
            `Allow`, and `HEAD` is answered as `GET` without a body. Not described: the page's own files, which \
            everything else is."
    ),
    components(schemas(Problem, ImportProblem))
)]
struct Base;

/// An empty description, for routes to be added.
pub(super) fn base() -> Document {
    Base::openapi()
}

/// Completes every operation. The cookie's name depends on the portal's origin.
pub(super) fn complete(document: &mut Document, origin: &str) {
    let paths = std::mem::take(&mut document.paths.paths);
    for (path, mut item) in paths {
        // An axum wildcard; the description has only parameters.
        let path = path.replace("{*", "{");
        for (method, operation) in operations(&mut item) {
            operation.operation_id = Some(id(method, &path));
            self::operation(method, &path, operation);
        }
        document.paths.paths.insert(path, item);
    }
    schemes(document.components.get_or_insert_default(), origin);
}

fn schemes(components: &mut Components, origin: &str) {
    let cookie = ApiKeyValue::with_description(cookie::name(origin), "The cookie that `POST /api/v1/sign-in` sets.");
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let mut token = Http::new(HttpAuthScheme::Bearer);
    token.description = Some("An operator's token; `x-roles` of an operation says which roles may ask for it.".into());
    components.add_security_scheme(OPERATOR, SecurityScheme::Http(token));
}

/// What each address takes, as `Allow` says it.
pub(super) fn methods(document: &Document) -> Vec<(String, String)> {
    let mut paths = document.paths.paths.clone();
    let methods = |item: &mut PathItem| {
        let names =
            operations(item).map(|(method, _)| if method == "get" { "GET,HEAD".into() } else { method.to_uppercase() });
        names.collect::<Vec<_>>().join(",")
    };
    paths.iter_mut().map(|(path, item)| (path.clone(), methods(item))).collect()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
        ("options", &mut item.options),
        ("head", &mut item.head),
        ("patch", &mut item.patch),
        ("trace", &mut item.trace),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// A name that no other operation has: the handlers' own names repeat.
fn id(method: &str, path: &str) -> String {
    let words = path.trim_start_matches(API).split(['/', '-', '.', '{', '}']).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}

fn operation(method: &str, path: &str, operation: &mut Operation) {
    let roles: Option<Vec<Role>> = said(operation, ROLES);
    if roles.is_some() {
        operation.security = Some(vec![SecurityRequirement::new(OPERATOR, [""; 0])]);
    }
    let mut codes: Vec<ErrorCode> = said(operation, CODES).unwrap_or_default();
    if path.starts_with(API) {
        codes.extend(following(method, operation, roles.as_deref()));
    }
    let mut by_status = BTreeMap::<u16, Vec<ErrorCode>>::new();
    for code in ErrorCode::ALL.iter().filter(|code| codes.contains(code)) {
        by_status.entry(code.http_status()).or_default().push(*code);
    }
    for (status, codes) in by_status {
        operation.responses.responses.insert(status.to_string(), RefOr::T(answer(&codes)));
    }
}

/// What an extension says. A word that is none of its type says nothing, and a test finds it missing.
fn said<T: serde::de::DeserializeOwned>(operation: &Operation, name: &str) -> Option<T> {
    serde_json::from_value(operation.extensions.as_ref()?.get(name)?.clone()).ok()
}

/// The codes that follow of an operation's method, address, body and caller.
fn following(method: &str, operation: &Operation, roles: Option<&[Role]>) -> Vec<ErrorCode> {
    // The store is asked by nearly all of them.
    let mut codes = vec![Internal, PortalUnavailable];
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    if parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Path) {
        codes.push(NotFound);
    }
    if parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Query) {
        codes.push(FieldInvalid);
    }
    if operation.request_body.is_some() {
        codes.extend([BodyMalformed, BodyTooLarge, MediaTypeUnsupported]);
    }
    match roles {
        Some(roles) => {
            codes.extend([OperatorTokenRequired, RateLimited]);
            codes.extend((roles.len() < Role::ALL.len()).then_some(OperatorRoleMissing));
        }
        None if method != "get" => codes.extend([OriginForbidden, MediaTypeUnsupported]),
        None => {}
    }
    if operation.security == Some(vec![SecurityRequirement::new(SESSION, [""; 0])]) {
        codes.push(SessionRequired);
    }
    codes
}

/// The answer with these codes, which have one status.
fn answer(codes: &[ErrorCode]) -> Response {
    let meanings: Vec<String> = codes.iter().map(|code| format!("`{code}`: {}", code.meaning())).collect();
    let mut response = Response::new(meanings.join("\n\n"));
    let base = if codes.contains(&ImportRefused) { "ImportProblem" } else { "Problem" };
    let only = ObjectBuilder::new().schema_type(Type::Object).property(
        "code",
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.iter().map(|code| code.as_str()))),
    );
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(base)).item(only).build();
    let content = ContentBuilder::new().schema(Some(RefOr::T(Schema::AllOf(schema)))).build();
    response.content.insert(problem::MEDIA_TYPE.to_owned(), content);
    if codes.iter().any(|code| problem::says_when(*code)) {
        response.headers.insert("retry-after".to_owned(), header(u32::schema(), "Seconds."));
    }
    if codes.contains(&OperatorTokenRequired) {
        response.headers.insert("www-authenticate".to_owned(), header(String::schema(), "`Bearer`."));
    }
    response
}

/// The bytes of a file, as the description says it: no list of numbers.
pub(super) enum Octets {}

impl PartialSchema for Octets {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).into()
    }
}

impl ToSchema for Octets {}

fn header(schema: RefOr<Schema>, description: &str) -> Header {
    let mut header = Header::new(schema);
    header.description = Some(description.to_owned());
    header
}
