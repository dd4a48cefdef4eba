//! HTTP in and out, nothing else: a handler extracts, calls one function of the domain, renders.

mod applications;
mod authority;
mod body;
mod certificates;
mod client;
mod client_address;
mod cookie;
mod delivery_reports;
mod events;
mod headers;
mod operator;
mod origin_check;
pub mod page;
mod problem;
mod publication;
mod requests;
mod sign_in;

use std::sync::{Arc, LazyLock};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, State},
    http::{header, request::Parts},
    middleware,
    routing::{any, get},
};
use qcert_protocol::{
    ErrorCode,
    portal::{API, Configuration, Problem as ProblemBody},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::portal::Portal;
use page::Pages;
use problem::{Answer, Problem};

/// The largest body of any route, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// What every handler is given.
#[derive(Clone)]
struct App {
    portal: Arc<Portal>,
    pages: Arc<Pages>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Qcert portal",
        description = "From a phone number to an installed certificate. Errors are problems (RFC 9457) with a code. \
            Besides the codes of its own, a route may answer `body_malformed`, `body_too_large`, \
            `media_type_unsupported`, `origin_forbidden`, `not_found`, `method_not_allowed`, `internal` and \
            `portal_unavailable`."
    ),
    components(schemas(ProblemBody)),
    modifiers(&OperatorsToken)
)]
struct Description;

/// How operators say who they are.
struct OperatorsToken;

impl Modify for OperatorsToken {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        description.components.get_or_insert_default().add_security_scheme("operator", token);
    }
}

/// The routes of page and operators, and the description of both.
struct Described {
    page: Router<App>,
    operators: Router<App>,
    json: String,
}

/// Routes and their description come of the same types, and are made once.
static DESCRIBED: LazyLock<Described> = LazyLock::new(|| {
    let (page, mut description) =
        OpenApiRouter::with_openapi(Description::openapi()).nest(API, api()).split_for_parts();
    let under = format!("{API}/operator");
    let (operators, theirs) = OpenApiRouter::new().nest(&under, operator::routes()).split_for_parts();
    description.merge(theirs);
    // A description of types and texts has no value that JSON cannot say.
    Described { page, operators, json: description.to_json().unwrap_or_default() }
});

/// All routes.
pub fn router(portal: Arc<Portal>, pages: Arc<Pages>) -> Router {
    let app = App { portal, pages };
    Router::new()
        .merge(DESCRIBED.page.clone())
        .route("/api/openapi.json", get(description))
        .route("/healthz", get(healthz))
        .merge(authority::routes())
        .route("/api", any(not_found))
        .route("/api/", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(page::serve)
        .layer(middleware::from_fn_with_state(app.clone(), origin_check::check))
        .merge(DESCRIBED.operators.clone().method_not_allowed_fallback(method_not_allowed))
        .merge(publication::lists())
        .merge(delivery_reports::routes())
        .layer(middleware::from_fn_with_state(app.clone(), headers::add))
        .merge(publication::answers())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(configuration))
        .routes(routes!(sign_in::order_password))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_in::session, sign_in::sign_out))
        .routes(routes!(applications::list))
        .routes(routes!(applications::details))
        .routes(routes!(applications::report_mistake))
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
    })
}

async fn description() -> ([(header::HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], &DESCRIBED.json)
}

async fn healthz(State(app): State<App>) -> Answer<&'static str> {
    app.portal.store.ping().await.map_err(crate::error::Refusal::from)?;
    Ok("ok")
}

async fn not_found() -> Problem {
    ErrorCode::NotFound.into()
}

async fn method_not_allowed() -> Problem {
    ErrorCode::MethodNotAllowed.into()
}

/// The id in the path. What is no id names nothing.
struct Id(Uuid);

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = Path::<Uuid>::from_request_parts(parts, app).await;
        path.map(|Path(id)| Self(id)).map_err(|_| ErrorCode::NotFound.into())
    }
}
