//! Applications.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use qcert_protocol::{
    ErrorCode::*,
    operator::{ActivationCodeMade, ApplicationEntry, ApplicationRecord, Found, ImportSummary, Rejection, Search},
};

use super::Allowed;
use crate::{
    activation,
    api::{
        App, InPath,
        body::{self, Body},
        problem::{Answer, Problem},
    },
    applications::import::{Charset, Format, ImportError},
    error::Refusal,
    operators::{
        self, Action, Decide, MakeActivationCodes, Read, Register,
        desk::Desk,
        reading,
        registering::{self, Put},
    },
    strict_json::Strict,
};

/// Searches applications, a page at a time.
#[utoipa::path(
    post, path = "/search", request_body = Search,
    responses((status = 200, body = Found)),
    extensions(("x-roles" = json!(Read::ROLES)), ("x-problem-codes" = json!([FieldInvalid, ApplicationNotFound]))),
)]
pub(super) async fn search(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Read>,
    Body(asked): Body<Search>,
) -> Answer<Json<Found>> {
    Ok(Json(reading::search(&app.portal, &operator, &asked).await?))
}

/// One application.
#[utoipa::path(
    get, path = "/applications/{number}", params(("number" = String, Path)),
    responses((status = 200, body = ApplicationRecord)),
    extensions(("x-roles" = json!(Read::ROLES)), ("x-problem-codes" = json!([ApplicationNotFound]))),
)]
pub(super) async fn details(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Read>,
    InPath(number): InPath<String>,
) -> Answer<Json<ApplicationRecord>> {
    Ok(Json(reading::application(&app.portal, &operator, &number).await?))
}

/// Enters an application, or corrects it; the same twice changes nothing. For registrars.
#[utoipa::path(
    put, path = "/applications/{number}", params(("number" = String, Path)), request_body = ApplicationEntry,
    responses(
        (status = 200, body = ApplicationRecord, description = "It was there, and is now as it was sent."),
        (status = 201, body = ApplicationRecord, description = "It is new."),
    ),
    extensions(("x-roles" = json!(Register::ROLES)), ("x-problem-codes" = json!([ImportRefused]))),
)]
pub(super) async fn put(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Register>,
    InPath(number): InPath<String>,
    Body(Strict(entry)): Body<Strict>,
) -> Answer<Response> {
    match registering::put(&app.portal, &operator, &number, entry).await {
        Ok(Put::Added(application)) => Ok((StatusCode::CREATED, Json(application)).into_response()),
        Ok(Put::There(application)) => Ok(Json(application).into_response()),
        Err(error) => Ok(refused(error)),
    }
}

/// Imports applications, all of them or none: `application/json`, an array, or `text/csv`, with `charset=utf-8` or
/// `windows-1251`, or without to have it found out. The same file twice changes nothing. For registrars.
#[utoipa::path(
    post, path = "/import",
    request_body(content((Vec<ApplicationEntry> = "application/json"), (String = "text/csv"))),
    responses((status = 200, body = ImportSummary)),
    extensions(("x-roles" = json!(Register::ROLES)), ("x-problem-codes" = json!([ImportRefused]))),
)]
pub(super) async fn import(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Register>,
    File { bytes, format }: File,
) -> Answer<Response> {
    match registering::import(&app.portal, &operator, &bytes, format).await {
        Ok(summary) => Ok(Json(summary).into_response()),
        Err(error) => Ok(refused(error)),
    }
}

fn refused(error: ImportError) -> Response {
    match error {
        ImportError::Refused(faults) => Problem::from(ImportRefused).with_faults(faults),
        other => Problem::from(Refusal::from(other)).into_response(),
    }
}

/// A file, and how it is written.
pub(super) struct File {
    bytes: Bytes,
    format: Format,
}

impl FromRequest<App> for File {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let format = format(request.headers()).ok_or(MediaTypeUnsupported)?;
        Ok(Self { bytes: body::bytes(request, app).await?, format })
    }
}

fn format(headers: &HeaderMap) -> Option<Format> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next()?.to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"'))
    });
    match media_type.as_str() {
        "application/json" => Some(Format::Json),
        "text/csv" => Some(Format::Csv(charset.map_or(Some(Charset::Detect), Charset::parse)?)),
        _ => None,
    }
}

/// Approves a request that waits. For approvers; with `issuance.approvals = 2` it goes on with the word of the second.
#[utoipa::path(
    post, path = "/applications/{number}/approval", params(("number" = String, Path)),
    responses((status = 200, body = ApplicationRecord)),
    extensions(
        ("x-roles" = json!(Decide::ROLES)),
        ("x-problem-codes" = json!([ApplicationNotFound, ApplicationStateForbids, SecondOperatorRequired])),
    ),
)]
pub(super) async fn approve(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Decide>,
    InPath(number): InPath<String>,
) -> Answer<Json<ApplicationRecord>> {
    Ok(Json(operators::approve(&app.portal, &operator, &number).await?))
}

/// Rejects a request that waits, with the reason that the person reads. For approvers.
#[utoipa::path(
    post, path = "/applications/{number}/rejection", params(("number" = String, Path)), request_body = Rejection,
    responses((status = 200, body = ApplicationRecord)),
    extensions(
        ("x-roles" = json!(Decide::ROLES)),
        ("x-problem-codes" = json!([ApplicationNotFound, ApplicationStateForbids, FieldInvalid])),
    ),
)]
pub(super) async fn reject(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Decide>,
    InPath(number): InPath<String>,
    Body(Rejection { reason }): Body<Rejection>,
) -> Answer<Json<ApplicationRecord>> {
    Ok(Json(operators::reject(&app.portal, &operator, &number, &reason).await?))
}

/// Makes an application's activation code, in place of one that was not entered. It is answered this once. For
/// registrars.
#[utoipa::path(
    post, path = "/applications/{number}/activation-code", params(("number" = String, Path)),
    responses((status = 201, body = ActivationCodeMade)),
    extensions(
        ("x-roles" = json!(MakeActivationCodes::ROLES)),
        ("x-problem-codes" = json!([ApplicationNotFound, ApplicationStateForbids])),
    ),
)]
pub(super) async fn make_activation_code(
    State(app): State<App>,
    Allowed(operator, _): Allowed<MakeActivationCodes>,
    InPath(number): InPath<String>,
) -> Answer<(StatusCode, Json<ActivationCodeMade>)> {
    let made = activation::make_code(&Desk::of(&app.portal, &operator), &number).await?;
    Ok((StatusCode::CREATED, Json(made)))
}
