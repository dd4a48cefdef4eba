//! The way out to the portal: HTTP under `/api/v1` (PROTOCOL.md §1), and the page's own file of texts. Every failure becomes a [`Trouble`].

pub mod live;

use std::pin::Pin;

use leptos::prelude::window;
use qcert_protocol::{
    ErrorCode,
    holder::Phone,
    portal::{
        API, ActivationEntry, ApplicationDetails, ApplicationRow, CertificateDetails, Configuration, Confirmation,
        Installation, MistakeReport, PasswordOrder, PasswordOrdered, Problem, RequestUpload, Revocation,
        RevocationOrder, RevocationReason, Session, SignIn,
    },
};
use uuid::Uuid;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestInit, Response};

use crate::{
    reading::{self, Read},
    trouble::Trouble,
    words::english,
    writing::{self, Write},
};

/// How long an answer may take, in milliseconds.
const LIMIT_MS: u32 = 20_000;

/// How long the page waits for English texts before it goes on in Russian.
const TEXTS_LIMIT_MS: u32 = 5_000;

type Answer<T> = Result<T, Trouble>;

/// A question on its way. Boxed, or each caller would carry a copy of all that [`call`] has to remember.
pub type Asked<T> = Pin<Box<dyn Future<Output = Answer<T>>>>;

/// What the page must know before anybody signs in.
pub fn configuration() -> Asked<Configuration> {
    get("/configuration")
}

/// Asks for a one-time password by text message.
pub fn order_password(phone: &Phone) -> Asked<PasswordOrdered> {
    post("/sign-in/password", &PasswordOrder { phone: phone.as_str().to_owned() })
}

/// Signs in.
pub fn sign_in(phone: &Phone, password: String) -> Asked<Session> {
    post("/sign-in", &SignIn { phone: phone.as_str().to_owned(), password })
}

/// Who is signed in?
pub fn session() -> Asked<Session> {
    get("/session")
}

/// Signs out.
pub fn sign_out() -> Asked<()> {
    done(call("DELETE", "/session", None))
}

/// Signs out on whichever device the person is signed in.
pub fn sign_out_everywhere() -> Asked<()> {
    done(call("DELETE", "/sessions", None))
}

/// The person's applications.
pub fn applications() -> Asked<Vec<ApplicationRow>> {
    get("/applications")
}

/// One application with the holder's data.
pub fn application(id: Uuid) -> Asked<ApplicationDetails> {
    get(&format!("/applications/{id}"))
}

/// Tells the operator what is wrong in the data.
pub fn report_mistake(id: Uuid, text: String) -> Asked<()> {
    done(call("POST", &format!("/applications/{id}/mistakes"), Some(MistakeReport { text }.write())))
}

/// Enters the activation code of an application.
pub fn activate(id: Uuid, code: String) -> Asked<ApplicationDetails> {
    post(&format!("/applications/{id}/activation"), &ActivationEntry { code })
}

/// Begins another application in the place of one whose certificate ends soon; asked again, it is the same one.
pub fn renew(id: Uuid) -> Asked<ApplicationRow> {
    read(call("POST", &format!("/applications/{id}/renewal"), None))
}

/// Hands in a request.
pub fn upload(id: Uuid, request: &RequestUpload) -> Asked<ApplicationRow> {
    post(&format!("/applications/{id}/requests"), request)
}

/// Orders the second one-time password.
pub fn order_confirmation(request: Uuid) -> Asked<PasswordOrdered> {
    read(call("POST", &format!("/requests/{request}/password"), None))
}

/// Confirms a request.
pub fn confirm(request: Uuid, password: String) -> Asked<ApplicationRow> {
    post(&format!("/requests/{request}/confirmation"), &Confirmation { password })
}

/// Cancels a prepared request.
pub fn cancel_request(request: Uuid) -> Asked<ApplicationRow> {
    read(call("DELETE", &format!("/requests/{request}"), None))
}

/// Withdraws a sent request.
pub fn withdraw(application: Uuid) -> Asked<ApplicationRow> {
    read(call("POST", &format!("/applications/{application}/withdrawal"), None))
}

/// A certificate with its issuers.
pub fn certificate(id: Uuid) -> Asked<CertificateDetails> {
    get(&format!("/certificates/{id}"))
}

/// Tells the portal that a certificate is on its token.
pub fn record_installation(certificate: Uuid, installation: &Installation) -> Asked<ApplicationRow> {
    post(&format!("/certificates/{certificate}/installation"), installation)
}

/// Orders the one-time password that revokes a certificate for a reason.
pub fn order_revocation(certificate: Uuid, reason: RevocationReason) -> Asked<PasswordOrdered> {
    post(&format!("/certificates/{certificate}/revocation/password"), &RevocationOrder { reason })
}

/// Revokes a certificate for the reason for which the password was ordered.
pub fn revoke(certificate: Uuid, reason: RevocationReason, password: String) -> Asked<ApplicationRow> {
    post(&format!("/certificates/{certificate}/revocation"), &Revocation { reason, password })
}

/// Address of a certificate's file.
pub fn certificate_file(id: Uuid) -> String {
    format!("{API}/certificates/{id}/file")
}

/// The file of [`english`].
pub async fn english_texts() -> Option<String> {
    let (response, text) = exchange("GET", &format!("/{}", english::NAME), None, TEXTS_LIMIT_MS).await.ok()?;
    response.ok().then_some(text)
}

fn get<T: Read + 'static>(path: &str) -> Asked<T> {
    read(call("GET", path, None))
}

fn post<T: Read + 'static>(path: &str, body: &impl Write) -> Asked<T> {
    read(call("POST", path, Some(body.write())))
}

/// An answer of another shape means that page and portal are of different versions.
fn read<T: Read + 'static>(asked: Asked<String>) -> Asked<T> {
    Box::pin(async move { reading::json(&asked.await?).ok_or_else(|| ErrorCode::PageOutdated.into()) })
}

fn done(asked: Asked<String>) -> Asked<()> {
    Box::pin(async move { asked.await.map(drop) })
}

fn call(method: &'static str, path: &str, body: Option<JsValue>) -> Asked<String> {
    let address = format!("{API}{path}");
    Box::pin(async move {
        // A network that fails, a limit that is over: nothing was answered.
        let answer = exchange(method, &address, body, LIMIT_MS).await;
        let (response, text) = answer.map_err(|_| Trouble::from(ErrorCode::PortalUnavailable))?;
        if response.ok() {
            return Ok(text);
        }
        Err(match reading::json::<Problem>(&text) {
            Some(problem) => problem.into(),
            // Not the portal's own words: something in front of it answered.
            None if response.status() == 401 => ErrorCode::SessionRequired.into(),
            None => ErrorCode::PortalUnavailable.into(),
        })
    })
}

async fn exchange(
    method: &str,
    address: &str,
    body: Option<JsValue>,
    limit_ms: u32,
) -> Result<(Response, String), JsValue> {
    let request = RequestInit::new();
    request.set_method(method);
    request.set_signal(Some(&AbortSignal::timeout_with_u32(limit_ms)));
    if let Some(body) = body {
        let headers = Headers::new()?;
        headers.set("content-type", "application/json")?;
        request.set_headers(&headers);
        request.set_body(&writing::json(&body));
    }
    let response = JsFuture::from(window().fetch_with_str_and_init(address, &request)).await?;
    let response: Response = response.unchecked_into();
    let text = JsFuture::from(response.text()?).await?;
    Ok((response, text.as_string().unwrap_or_default()))
}
