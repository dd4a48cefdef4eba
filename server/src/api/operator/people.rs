//! People's phones, and what they found wrong.

use axum::{Json, extract::State, http::StatusCode};
use qcert_protocol::{
    ErrorCode::*,
    operator::{Answer as AnswerBody, MistakeView, PhoneChangeView, PhoneName, Unlocked},
};
use uuid::Uuid;

use super::{After, Allowed};
use crate::{
    api::{App, InPath, body::Body, problem::Answer},
    operators::{
        Action, AnswerMistakes, CancelPhones, ConfirmPhones, ProposePhones, Read, UnlockPhones,
        desk::{self, Desk},
        reading,
    },
};

/// Gives a phone its tries back. For registrars.
#[utoipa::path(
    post, path = "/phones/unlock", request_body = PhoneName,
    responses((status = 200, body = Unlocked)),
    extensions(("x-roles" = json!(UnlockPhones::ROLES)), ("x-problem-codes" = json!([FieldInvalid]))),
)]
pub(super) async fn unlock(
    State(app): State<App>,
    Allowed(operator, _): Allowed<UnlockPhones>,
    Body(PhoneName { phone }): Body<PhoneName>,
) -> Answer<Json<Unlocked>> {
    let was_locked = desk::unlock_phone(&Desk::of(&app.portal, &operator), &phone).await?;
    Ok(Json(Unlocked { was_locked }))
}

/// Proposes a person's new phone; the old one is told. For registrars.
#[utoipa::path(
    post, path = "/applications/{number}/phone", params(("number" = String, Path)), request_body = PhoneName,
    responses((status = 201, body = PhoneChangeView)),
    extensions(
        ("x-roles" = json!(ProposePhones::ROLES)),
        ("x-problem-codes" = json!([ApplicationNotFound, FieldInvalid])),
    ),
)]
pub(super) async fn propose(
    State(app): State<App>,
    Allowed(operator, _): Allowed<ProposePhones>,
    InPath(number): InPath<String>,
    Body(PhoneName { phone }): Body<PhoneName>,
) -> Answer<(StatusCode, Json<PhoneChangeView>)> {
    let change = desk::propose_phone(&Desk::of(&app.portal, &operator), &number, &phone).await?;
    app.portal.message_waits();
    Ok((StatusCode::CREATED, Json(change)))
}

/// New phones that nobody has decided about, a hundred at a time.
#[utoipa::path(
    get, path = "/phone-changes",
    params(("after" = Option<Uuid>, Query, description = "The last one of the page before.")),
    responses((status = 200, body = Vec<PhoneChangeView>)),
    extensions(("x-roles" = json!(Read::ROLES))),
)]
pub(super) async fn changes(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Read>,
    After(after): After<Uuid>,
) -> Answer<Json<Vec<PhoneChangeView>>> {
    Ok(Json(reading::phone_changes(&app.portal, &operator, after.unwrap_or_default()).await?))
}

/// Confirms a new phone after its waiting time. For approvers, and not for whoever proposed it.
#[utoipa::path(
    post, path = "/phone-changes/{id}/confirmation", params(("id" = Uuid, Path)),
    responses((status = 200, body = PhoneChangeView)),
    extensions(
        ("x-roles" = json!(ConfirmPhones::ROLES)),
        ("x-problem-codes" = json!([SecondOperatorRequired, PhoneChangeTooEarly, ApplicationStateForbids])),
    ),
)]
pub(super) async fn confirm(
    State(app): State<App>,
    Allowed(operator, _): Allowed<ConfirmPhones>,
    InPath(id): InPath<Uuid>,
) -> Answer<Json<PhoneChangeView>> {
    let changed = desk::confirm_phone(&Desk::of(&app.portal, &operator), id).await?;
    app.portal.phone_changed(&changed);
    Ok(Json(changed.change))
}

/// Drops a proposal. For registrars and approvers.
#[utoipa::path(
    delete, path = "/phone-changes/{id}", params(("id" = Uuid, Path)),
    responses((status = 204)),
    extensions(("x-roles" = json!(CancelPhones::ROLES))),
)]
pub(super) async fn cancel(
    State(app): State<App>,
    Allowed(operator, _): Allowed<CancelPhones>,
    InPath(id): InPath<Uuid>,
) -> Answer<StatusCode> {
    desk::cancel_phone(&Desk::of(&app.portal, &operator), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What people found wrong and nobody has answered, a hundred at a time.
#[utoipa::path(
    get, path = "/mistakes",
    params(("after" = Option<Uuid>, Query, description = "The last one of the page before.")),
    responses((status = 200, body = Vec<MistakeView>)),
    extensions(("x-roles" = json!(Read::ROLES))),
)]
pub(super) async fn mistakes(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Read>,
    After(after): After<Uuid>,
) -> Answer<Json<Vec<MistakeView>>> {
    Ok(Json(reading::mistakes(&app.portal, &operator, after.unwrap_or_default()).await?))
}

/// Answers a report; the person reads it in a text message and beside the data. For registrars.
#[utoipa::path(
    post, path = "/mistakes/{id}/answer", params(("id" = Uuid, Path)), request_body = AnswerBody,
    responses((status = 204)),
    extensions(
        ("x-roles" = json!(AnswerMistakes::ROLES)),
        ("x-problem-codes" = json!([FieldInvalid, ApplicationStateForbids])),
    ),
)]
pub(super) async fn answer(
    State(app): State<App>,
    Allowed(operator, _): Allowed<AnswerMistakes>,
    InPath(id): InPath<Uuid>,
    Body(AnswerBody { text }): Body<AnswerBody>,
) -> Answer<StatusCode> {
    let answered = desk::answer_mistake(&Desk::of(&app.portal, &operator), id, &text).await?;
    app.portal.message_waits();
    app.portal.announcer.row(&answered.phone, answered.application);
    Ok(StatusCode::NO_CONTENT)
}
