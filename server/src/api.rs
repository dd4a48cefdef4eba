//! HTTP in and out, nothing else: a handler extracts, calls one function of the domain, renders.

mod applications;
mod authority;
mod body;
mod certificates;
mod client;
mod client_address;
mod cookie;
mod delivery_reports;
mod description;
mod events;
mod headers;
mod observation;
pub mod operations;
mod operator;
mod origin_check;
pub mod page;
mod problem;
mod publication;
mod requests;
mod sign_in;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, MatchedPath, Path, State},
    http::{header, request::Parts},
    middleware,
    routing::any,
};
use qcert_protocol::{
    ErrorCode::*,
    portal::{API, Configuration},
};
use serde::de::DeserializeOwned;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{config::is_local, portal::Portal};
use page::Pages;
use problem::Problem;

/// The largest body of any route, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// What every handler is given.
#[derive(Clone)]
struct App {
    portal: Arc<Portal>,
    pages: Arc<Pages>,
}

/// All routes, by what stands around them, and their description. A route is made of a handler with `utoipa::path` and
/// in no other way, so that it cannot be undescribed.
struct Routes {
    /// For the page: other sites are kept out.
    page: Router<App>,
    operators: Router<App>,
    /// For programs.
    lists_and_reports: Router<App>,
    /// Without the headers of the others.
    answers: Router<App>,
    /// What each address takes, as `Allow` says it.
    methods: HashMap<String, String>,
    /// The description, by whether the portal is at localhost: the cookie has another name there.
    at_localhost: String,
    elsewhere: String,
}

/// Made once: both come of the same types.
static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let mut document = description::base();
    let mut methods = HashMap::new();
    let mut described = |routes: OpenApiRouter<App>| {
        let (router, theirs) = routes.split_for_parts();
        methods.extend(description::methods(&theirs));
        document.merge(theirs);
        router.method_not_allowed_fallback(method_not_allowed)
    };
    let own = OpenApiRouter::new().routes(routes!(description)).merge(operations::routes()).merge(authority::routes());
    let page = described(own.nest(API, api()));
    let operators = described(OpenApiRouter::new().nest(&format!("{API}/operator"), operator::routes()));
    let lists_and_reports = described(publication::lists().merge(delivery_reports::routes()));
    let answers = described(publication::answers());
    let written = |origin: &str| {
        let mut document = document.clone();
        description::complete(&mut document, origin);
        // A description of types and texts has no value that JSON cannot say.
        document.to_json().unwrap_or_default()
    };
    let (at_localhost, elsewhere) = (written("http://localhost"), written("https://"));
    Routes { page, operators, lists_and_reports, answers, methods, at_localhost, elsewhere }
});

/// All routes.
pub fn router(portal: Arc<Portal>, pages: Arc<Pages>) -> Router {
    let app = App { portal, pages };
    Router::new()
        .merge(ROUTES.page.clone())
        .route("/api", any(not_found))
        .route("/api/", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .fallback(page::serve)
        .layer(middleware::from_fn_with_state(app.clone(), origin_check::check))
        .merge(ROUTES.operators.clone())
        .merge(ROUTES.lists_and_reports.clone())
        .layer(middleware::from_fn_with_state(app.clone(), headers::add))
        .merge(ROUTES.answers.clone())
        .layer(middleware::from_fn_with_state(app.clone(), observation::note))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// The description of all routes (OpenAPI), as a portal with this origin serves it.
pub fn openapi(origin: &str) -> &'static str {
    if is_local(origin) { &ROUTES.at_localhost } else { &ROUTES.elsewhere }
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(configuration))
        .routes(routes!(sign_in::order_password))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_in::session, sign_in::sign_out))
        .routes(routes!(sign_in::sign_out_everywhere))
        .routes(routes!(applications::list))
        .routes(routes!(applications::details))
        .routes(routes!(applications::report_mistake))
        .routes(routes!(applications::activate))
        .routes(routes!(applications::renew))
        .routes(routes!(applications::withdraw))
        .routes(routes!(requests::upload))
        .routes(routes!(requests::order_password))
        .routes(routes!(requests::confirm))
        .routes(routes!(requests::remove))
        .routes(routes!(certificates::list))
        .routes(routes!(certificates::details))
        .routes(routes!(certificates::file))
        .routes(routes!(certificates::install))
        .routes(routes!(certificates::order_revocation_password))
        .routes(routes!(certificates::revoke))
        .routes(routes!(events::listen))
}

/// What the page must know before anybody signs in.
#[utoipa::path(get, path = "/configuration", responses((status = 200, body = Configuration)))]
async fn configuration(State(app): State<App>) -> Json<Configuration> {
    let settings = &app.portal.settings;
    Json(Configuration {
        authority: settings.ca.name.common_name.as_str().to_owned(),
        support_phone: settings.support_phone.clone(),
        key_algorithm: settings.key_algorithm,
        now: app.portal.clock.now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        packages: settings.packages.clone(),
    })
}

/// This description.
#[utoipa::path(get, path = "/api/openapi.json", responses((status = 200, body = Object)))]
async fn description(State(app): State<App>) -> ([(header::HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], openapi(&app.portal.origin))
}

async fn not_found() -> Problem {
    NotFound.into()
}

/// RFC 9110 §15.5.6 wants to be told what would be allowed.
async fn method_not_allowed(path: MatchedPath) -> ([(header::HeaderName, &'static str); 1], Problem) {
    let allowed = ROUTES.methods.get(path.as_str()).map(String::as_str).unwrap_or_default();
    ([(header::ALLOW, allowed)], MethodNotAllowed.into())
}

/// The words in the path. What cannot be read names nothing.
struct InPath<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // No text of ours has this octet, and PostgreSQL takes none that has it.
        if parts.uri.path().contains("%00") {
            return Err(NotFound.into());
        }
        let path = Path::<T>::from_request_parts(parts, app).await;
        path.map(|Path(words)| Self(words)).map_err(|_| NotFound.into())
    }
}
