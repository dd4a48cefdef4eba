//! A holder on the way to a certificate, over HTTP: each method is what the page asks the portal at that step.

use std::{io, sync::mpsc::Receiver, time::Duration};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_protocol::{
    ApplicationState,
    portal::{API, ApplicationDetails, ApplicationRow, RevocationReason},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use crate::{
    gateway::Gateway,
    http::{Answer, Connection, Question},
    people,
};

const JSON: &str = "application/json";
/// Why a holder revokes.
const REVOKES_FOR: RevocationReason = RevocationReason::KeyCompromise;

/// Why a step did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The connection broke: the step may have been done or not.
    #[error("the connection broke: {0}")]
    Lost(#[from] io::Error),
    /// The portal refused.
    #[error("the portal refused {what} with {status}: {body}")]
    Refused {
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The problem, JSON.
        body: String,
    },
    /// No text message came in time.
    #[error("no text message came")]
    NoMessage,
}

/// A holder of one application.
pub struct Holder {
    /// Which of the invented people.
    pub n: u32,
    phone: String,
    request: String,
    messages: Receiver<String>,
    cookie: Option<String>,
    application: Option<Uuid>,
}

impl Holder {
    /// The `n`th of the invented people, with a key pair and its PKCS#10 request made.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(n: u32, gateway: &Gateway) -> Result<Self> {
        let phone = people::phone(n);
        let der = certification_request()?;
        let request = json!({
            "certificationRequest": STANDARD.encode(der),
            "container": format!("{}@2026-01-31-{}", people::application_number(n), people::organization(n)),
            "token": {"label": "load", "serial": "0001", "model": "load"},
        });
        Ok(Self {
            n,
            messages: gateway.listen(&phone),
            phone,
            request: request.to_string(),
            cookie: None,
            application: None,
        })
    }

    /// Is there a session?
    pub fn is_signed_in(&self) -> bool {
        self.cookie.is_some()
    }

    /// Signs in again at the next step.
    pub fn forget_session(&mut self) {
        self.cookie = None;
    }

    /// Which application is the holder's, once its row was read.
    pub fn application(&self) -> Option<Uuid> {
        self.application
    }

    /// Orders the first password, reads it and signs in.
    ///
    /// # Errors
    /// When a step did not come to its end.
    pub fn sign_in(&mut self, portal: &mut Connection, patience: Duration) -> Result<(), Trouble> {
        self.forget_messages();
        let order = json!({"phone": self.phone}).to_string();
        self.post(portal, "/sign-in/password", &order)?;
        let password = self.message(patience)?;
        let body = json!({"phone": self.phone, "password": password}).to_string();
        let answer = self.post(portal, "/sign-in", &body)?;
        self.cookie = answer.cookie;
        Ok(())
    }

    /// The row of the holder's application.
    ///
    /// # Errors
    /// When a step did not come to its end.
    pub fn row(&mut self, portal: &mut Connection) -> Result<ApplicationRow, Trouble> {
        if let Some(id) = self.application {
            let details: ApplicationDetails = self.get(portal, &format!("/applications/{id}"))?;
            return Ok(details.row);
        }
        let rows: Vec<ApplicationRow> = self.get(portal, "/applications")?;
        let row = rows.into_iter().next().ok_or_else(|| refused("the list of applications", 200, b"[]"))?;
        self.application = Some(row.id);
        Ok(row)
    }

    /// Uploads the request; answers its id.
    ///
    /// # Errors
    /// When it did not come to its end.
    pub fn upload(&self, portal: &mut Connection, application: Uuid) -> Result<Uuid, Trouble> {
        let path = format!("/applications/{application}/requests");
        let answer = self.post(portal, &path, &self.request)?;
        let row: ApplicationRow = read("the upload's answer", &answer)?;
        row.request.map(|request| request.id).ok_or_else(|| refused(&path, answer.status, &answer.body))
    }

    /// Orders the second password.
    ///
    /// # Errors
    /// When it did not come to its end.
    pub fn order_password(&self, portal: &mut Connection, request: Uuid) -> Result<(), Trouble> {
        self.forget_messages();
        self.post(portal, &format!("/requests/{request}/password"), "").map(drop)
    }

    /// Confirms the request.
    ///
    /// # Errors
    /// When it did not come to its end.
    pub fn confirm(&self, portal: &mut Connection, request: Uuid, password: &str) -> Result<ApplicationRow, Trouble> {
        let body = json!({"password": password}).to_string();
        let answer = self.post(portal, &format!("/requests/{request}/confirmation"), &body)?;
        read("the confirmation's answer", &answer)
    }

    /// The certificate's file, DER.
    ///
    /// # Errors
    /// When it did not come to its end.
    pub fn fetch(&self, portal: &mut Connection, certificate: Uuid) -> Result<Vec<u8>, Trouble> {
        let path = format!("/certificates/{certificate}/file");
        Ok(self.ask(portal, "GET", &path, None)?.body)
    }

    /// Orders the password that revokes a certificate.
    ///
    /// # Errors
    /// When it did not come to its end.
    pub fn order_revocation(&self, portal: &mut Connection, certificate: Uuid) -> Result<(), Trouble> {
        self.forget_messages();
        let path = format!("/certificates/{certificate}/revocation/password");
        self.post(portal, &path, &json!({"reason": REVOKES_FOR}).to_string()).map(drop)
    }

    /// Revokes a certificate.
    ///
    /// # Errors
    /// When it did not come to its end.
    pub fn revoke(
        &self,
        portal: &mut Connection,
        certificate: Uuid,
        password: &str,
    ) -> Result<ApplicationRow, Trouble> {
        let body = json!({"reason": REVOKES_FOR, "password": password}).to_string();
        let answer = self.post(portal, &format!("/certificates/{certificate}/revocation"), &body)?;
        read("the revocation's answer", &answer)
    }

    /// The password of the next text message.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn message(&self, patience: Duration) -> Result<String, Trouble> {
        self.messages.recv_timeout(patience).map_err(|_| Trouble::NoMessage)
    }

    fn forget_messages(&self) {
        while self.messages.try_recv().is_ok() {}
    }

    fn get<T: DeserializeOwned>(&self, portal: &mut Connection, path: &str) -> Result<T, Trouble> {
        read(path, &self.ask(portal, "GET", path, None)?)
    }

    fn post(&self, portal: &mut Connection, path: &str, body: &str) -> Result<Answer, Trouble> {
        self.ask(portal, "POST", path, Some(body).filter(|body| !body.is_empty()))
    }

    fn ask(&self, portal: &mut Connection, method: &str, path: &str, body: Option<&str>) -> Result<Answer, Trouble> {
        let body = body.map(|body| (JSON, body.as_bytes()));
        let question =
            Question { method, path: &format!("{API}{path}"), cookie: self.cookie.as_deref(), bearer: None, body };
        let answer = portal.ask(&question)?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(refused(path, answer.status, &answer.body)) }
    }
}

fn read<T: DeserializeOwned>(what: &str, answer: &Answer) -> Result<T, Trouble> {
    serde_json::from_slice(&answer.body).map_err(|_| refused(what, answer.status, &answer.body))
}

/// A refusal, as it was answered.
pub(crate) fn refused(what: &str, status: u16, body: &[u8]) -> Trouble {
    Trouble::Refused { what: what.to_owned(), status, body: String::from_utf8_lossy(body).into_owned() }
}

/// Is this the row of a holder who has a certificate?
pub fn has_certificate(row: &ApplicationRow) -> bool {
    matches!(row.state, ApplicationState::ReadyToInstall | ApplicationState::Installed) && row.certificate.is_some()
}

/// A PKCS#10 request with a new P-256 key, DER.
///
/// # Errors
/// When no key can be made.
pub fn certification_request() -> Result<Vec<u8>> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).context("make a key pair")?;
    let request = rcgen::CertificateParams::default().serialize_request(&key).context("make a request")?;
    Ok(request.der().to_vec())
}
