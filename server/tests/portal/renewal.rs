//! Renewal: another application in place of one whose certificate ends, and the old key that identifies its holder.

pub mod begun;
mod entered;
mod in_between;
mod proof;

use qcert_pki::CertificationRequest;
use qcert_protocol::{
    Base64,
    portal::{ApplicationDetails, ApplicationRow, RenewedKey},
};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, SigningKey};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{Browser, DEMO, ORIGIN, PHONE, Reply, Workplace, token};

/// The old certificate's number with the authority, and how it is renewed at once.
const NUMBER: &str = "67092365";
pub const SOON: &str = "[ca]\nvalidity_days = 20\n";

pub fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn request_of(key: &KeyPair) -> Vec<u8> {
    CertificateParams::default().serialize_request(key).unwrap().der().to_vec()
}

fn upload(row: &ApplicationRow, key: &KeyPair, proof: Option<Vec<u8>>) -> Value {
    let mut body = json!({
        "certificationRequest": Base64(request_of(key)),
        "container": format!("{}@2026-03-02-x", row.number),
        "token": token(),
    });
    if let Some(proof) = proof {
        body["proof"] = json!(Base64(proof));
    }
    body
}

/// What an old key signs: prefix, origin, its CKA_ID, and the digest of nonce and new key.
fn message(origin: &str, renews: &RenewedKey, key: &KeyPair) -> Vec<u8> {
    let request = CertificationRequest::parse_and_verify(&request_of(key)).unwrap();
    let bound = digest(&SHA256, &[&renews.nonce.0, request.public_key().spki_der()].concat());
    [b"qcert-proof-v1", origin.as_bytes(), &renews.key_id.to_bytes(), bound.as_ref()].concat()
}

/// The first entry of the demo, changed.
fn entry(change: impl FnOnce(&mut Value)) -> Value {
    let mut entry = serde_json::from_str::<Vec<Value>>(DEMO).unwrap().remove(0);
    change(&mut entry);
    entry
}

/// Somebody whose first application is installed, on a key that is here.
pub struct Holder {
    pub workplace: Workplace,
    browser: Browser,
    old: ApplicationRow,
    key: KeyPair,
}

impl Holder {
    async fn new() -> Self {
        Self::with(SOON, new_key()).await
    }

    async fn with(settings: &str, key: KeyPair) -> Self {
        Self::of(Workplace::with(settings).await, key).await
    }

    pub async fn of(workplace: Workplace, key: KeyPair) -> Self {
        let mut browser = workplace.signed_in(PHONE).await;
        let old = browser.rows().await.remove(0);
        let mut holder = Self { workplace, browser, old: old.clone(), key };
        assert_eq!(holder.send(&old, upload(&old, &holder.key, None)).await.status, 201);
        holder.old = holder.installed(&old).await;
        holder
    }

    /// The same at a server that was started again with other settings.
    async fn reopened(self, settings: &str) -> Self {
        let Self { workplace, browser, old, key } = self;
        let cookie = browser.cookie;
        drop(browser.router);
        let workplace = workplace.reopened(settings).await;
        Self { browser: Browser { router: workplace.router.clone(), cookie }, workplace, old, key }
    }

    /// Signs in again.
    async fn back(&mut self) {
        self.workplace.clock.advance(Duration::minutes(3));
        self.browser = self.workplace.signed_in(PHONE).await;
    }

    async fn send(&self, row: &ApplicationRow, body: Value) -> Reply {
        self.browser.clone().post(&format!("/applications/{}/requests", row.id), body).await
    }

    async fn row(&self, id: Uuid) -> ApplicationRow {
        self.browser.clone().rows().await.into_iter().find(|row| row.id == id).unwrap()
    }

    async fn details(&self, row: &ApplicationRow) -> ApplicationDetails {
        self.browser.clone().get(&format!("/applications/{}", row.id)).await.parsed()
    }

    async fn renews(&self, row: &ApplicationRow) -> RenewedKey {
        self.details(row).await.renews.unwrap()
    }

    /// Asks for a renewal of an application.
    async fn renew(&self, row: &ApplicationRow) -> Reply {
        self.browser.clone().post(&format!("/applications/{}/renewal", row.id), Value::Null).await
    }

    /// The renewal of the old application.
    async fn renewed(&self) -> ApplicationRow {
        let reply = self.renew(&self.old).await;
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        reply.parsed()
    }

    /// What the old key signs for a new one.
    async fn proof(&self, row: &ApplicationRow, key: &KeyPair) -> Vec<u8> {
        self.key.sign(&message(ORIGIN, &self.renews(row).await, key)).unwrap()
    }

    /// Uploads a request for a new key, with the proof; answers the row.
    async fn proven(&self, row: &ApplicationRow) -> ApplicationRow {
        let key = new_key();
        let proof = self.proof(row, &key).await;
        let reply = self.send(row, upload(row, &key, Some(proof))).await;
        assert_eq!(reply.status, 201, "{:?}", reply.json());
        reply.parsed()
    }

    /// Orders a password for the request that there is and confirms with it.
    async fn confirm(&self, row: &ApplicationRow) -> Reply {
        let request = self.row(row.id).await.request.unwrap().id;
        let mut browser = self.browser.clone();
        let ordered = browser.post(&format!("/requests/{request}/password"), Value::Null).await;
        assert_eq!(ordered.status, 202, "{:?}", ordered.json());
        browser.confirm(request, &self.workplace.password(PHONE).await).await
    }

    /// Confirms, has the certificate issued and notes that it is on its token.
    async fn installed(&self, row: &ApplicationRow) -> ApplicationRow {
        let confirmed = self.confirm(row).await;
        assert_eq!(confirmed.status, 200, "{:?}", confirmed.json());
        self.workplace.work().await.unwrap();
        let certificate = self.row(row.id).await.certificate.unwrap().id;
        let path = format!("/certificates/{certificate}/installation");
        let installed = self.browser.clone().post(&path, json!({"token": token(), "inStore": true})).await;
        assert_eq!(installed.status, 200, "{:?}", installed.json());
        installed.parsed()
    }

    /// The value of identificationKind (1.2.643.100.114) in the certificate of an application.
    async fn identification_kind(&self, row: &ApplicationRow) -> u8 {
        const BEFORE: [u8; 11] = [0x06, 0x05, 0x2a, 0x85, 0x03, 0x64, 0x72, 0x04, 0x03, 0x02, 0x01];
        let id = self.row(row.id).await.certificate.unwrap().id;
        let der = self.browser.clone().get(&format!("/certificates/{id}/file")).await.body;
        let place = der.windows(BEFORE.len()).position(|window| window == BEFORE).unwrap();
        der[place + BEFORE.len()]
    }

    async fn state(&self, row: &ApplicationRow) -> String {
        self.row(row.id).await.state.as_str().to_owned()
    }

    /// How often the audit tells of this, with this detail.
    async fn audited(&self, event: &str) -> usize {
        self.workplace.audited().await.iter().filter(|line| *line == event).count()
    }
}
