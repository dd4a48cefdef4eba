//! The way out to the portal: HTTP under `/api/v1` (PROTOCOL.md §1). Every failure becomes a [`Trouble`].

pub mod live;

use gloo_net::http::{Method, RequestBuilder};
use qcert_protocol::{
    ErrorCode,
    holder::Phone,
    portal::{
        API, ApplicationDetails, ApplicationRow, CertificateDetails, Configuration, Confirmation, Installation,
        MistakeReport, PasswordOrder, PasswordOrdered, Problem, RequestUpload, Session, SignIn,
    },
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    reading::{self, Read},
    trouble::Trouble,
};

/// How long an answer may take, in milliseconds.
const LIMIT_MS: u32 = 20_000;

type Answer<T> = Result<T, Trouble>;

/// What the page must know before anybody signs in.
pub async fn configuration() -> Answer<Configuration> {
    get("/configuration").await
}

/// Asks for a one-time password by text message.
pub async fn order_password(phone: &Phone) -> Answer<PasswordOrdered> {
    post("/sign-in/password", &PasswordOrder { phone: phone.as_str().to_owned() }).await
}

/// Signs in.
pub async fn sign_in(phone: &Phone, password: String) -> Answer<Session> {
    post("/sign-in", &SignIn { phone: phone.as_str().to_owned(), password }).await
}

/// Who is signed in?
pub async fn session() -> Answer<Session> {
    get("/session").await
}

/// Signs out.
pub async fn sign_out() -> Answer<()> {
    call(Method::DELETE, "/session", None).await.map(drop)
}

/// The person's applications.
pub async fn applications() -> Answer<Vec<ApplicationRow>> {
    get("/applications").await
}

/// One application with the holder's data.
pub async fn application(id: Uuid) -> Answer<ApplicationDetails> {
    get(&format!("/applications/{id}")).await
}

/// Tells the operator what is wrong in the data.
pub async fn report_mistake(id: Uuid, text: String) -> Answer<()> {
    let body = json(&MistakeReport { text })?;
    call(Method::POST, &format!("/applications/{id}/mistakes"), Some(body)).await.map(drop)
}

/// Hands in a request.
pub async fn upload(id: Uuid, request: &RequestUpload) -> Answer<ApplicationRow> {
    post(&format!("/applications/{id}/requests"), request).await
}

/// Orders the second one-time password.
pub async fn order_confirmation(request: Uuid) -> Answer<PasswordOrdered> {
    read(&call(Method::POST, &format!("/requests/{request}/password"), None).await?)
}

/// Confirms a request.
pub async fn confirm(request: Uuid, password: String) -> Answer<ApplicationRow> {
    post(&format!("/requests/{request}/confirmation"), &Confirmation { password }).await
}

/// Cancels a prepared request.
pub async fn cancel_request(request: Uuid) -> Answer<ApplicationRow> {
    read(&call(Method::DELETE, &format!("/requests/{request}"), None).await?)
}

/// Withdraws a sent request.
pub async fn withdraw(application: Uuid) -> Answer<ApplicationRow> {
    read(&call(Method::POST, &format!("/applications/{application}/withdrawal"), None).await?)
}

/// A certificate with its issuers.
pub async fn certificate(id: Uuid) -> Answer<CertificateDetails> {
    get(&format!("/certificates/{id}")).await
}

/// Tells the portal that a certificate is on its token.
pub async fn record_installation(certificate: Uuid, installation: &Installation) -> Answer<ApplicationRow> {
    post(&format!("/certificates/{certificate}/installation"), installation).await
}

/// Address of a certificate's file.
pub fn certificate_file(id: Uuid) -> String {
    format!("{API}/certificates/{id}/file")
}

async fn get<T: Read>(path: &str) -> Answer<T> {
    read(&call(Method::GET, path, None).await?)
}

async fn post<T: Read>(path: &str, body: &impl Serialize) -> Answer<T> {
    read(&call(Method::POST, path, Some(json(body)?)).await?)
}

fn json(body: &impl Serialize) -> Answer<String> {
    serde_json::to_string(body).map_err(|_| ErrorCode::BodyMalformed.into())
}

/// An answer of another shape means that page and portal are of different versions.
fn read<T: Read>(text: &str) -> Answer<T> {
    reading::json(text).ok_or_else(|| ErrorCode::PageOutdated.into())
}

async fn call(method: Method, path: &str, body: Option<String>) -> Answer<String> {
    let unreachable = |_| Trouble::from(ErrorCode::PortalUnavailable);
    let signal = web_sys::AbortSignal::timeout_with_u32(LIMIT_MS);
    let builder = RequestBuilder::new(&format!("{API}{path}")).method(method).abort_signal(Some(&signal));
    let request = match body {
        Some(body) => builder.header("content-type", "application/json").body(body),
        None => builder.build(),
    };
    let response = request.map_err(unreachable)?.send().await.map_err(unreachable)?;
    let text = response.text().await.map_err(unreachable)?;
    if response.ok() {
        return Ok(text);
    }
    Err(match reading::json::<Problem>(&text) {
        Some(problem) => problem.into(),
        // Not the portal's own words: something in front of it answered.
        None if response.status() == 401 => ErrorCode::SessionRequired.into(),
        None => ErrorCode::PortalUnavailable.into(),
    })
}
