//! Questions about certificates' states. What an answer says is read by `openssl`.

use std::process::Command;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_pki::{
    Serial,
    crl::Reason,
    ocsp::{CertId, HashAlgorithm, IssuerHashes, Request as Question},
};
use time::Duration;

use crate::support::{Reply, Workplace};

const MALFORMED: &[u8] = &[0x30, 0x03, 0x0a, 0x01, 1];
const UNAUTHORIZED: &[u8] = &[0x30, 0x03, 0x0a, 0x01, 6];

impl Workplace {
    fn hashes(&self) -> IssuerHashes {
        IssuerHashes::of(self.portal.ca.current().certificate())
    }

    fn certificate_id(&self, serial: &str) -> CertId {
        CertId::new(&self.hashes(), HashAlgorithm::Sha1, &Serial::parse(serial).unwrap()).unwrap()
    }

    async fn ask(&self, question: &[u8]) -> Reply {
        let request = Request::post("/ocsp").header(header::CONTENT_TYPE, "application/ocsp-request");
        // Not a page: whatever a browser would say of its site does not matter.
        let request = request.header(header::ORIGIN, "https://elsewhere.example");
        self.browser().send(request.body(Body::from(question.to_vec())).unwrap()).await
    }

    pub async fn ask_about(&self, serial: &str) -> String {
        let question = Question::to_der(&[self.certificate_id(serial)], None).unwrap();
        let reply = self.ask(&question).await;
        assert_eq!(reply.headers["content-type"], "application/ocsp-response");
        printed(&reply.body)
    }
}

/// The answer as `openssl ocsp` prints it.
fn printed(answer: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("answer.der");
    std::fs::write(&file, answer).unwrap();
    let output = Command::new("openssl").args(["ocsp", "-noverify", "-text", "-respin"]).arg(&file).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_certificate_is_good_until_it_is_revoked() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    let good = workplace.ask_about(&view.serial).await;
    assert!(good.contains("Cert Status: good"), "{good}");
    assert!(good.contains("OCSP No Check") && good.contains("OCSP Signing"), "{good}");
    assert!(good.contains("Next Update: Mar  2 09:10:00 2026 GMT"), "{good}");

    workplace.revoked_by_operator(&view.serial, Reason::CessationOfOperation).await.unwrap();
    workplace.clock.advance(Duration::seconds(2));
    let revoked = workplace.ask_about(&view.serial).await;
    assert!(revoked.contains("Cert Status: revoked"), "{revoked}");
    assert!(revoked.contains("Revocation Time: Mar  2 09:00:00 2026 GMT"), "{revoked}");
    assert!(revoked.contains("Revocation Reason: cessationOfOperation"), "{revoked}");
}

#[tokio::test]
async fn what_this_server_revokes_is_answered_at_once() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    assert!(workplace.ask_about(&view.serial).await.contains("good"));
    workplace.revoked_by_operator(&view.serial, Reason::Superseded).await.unwrap();
    workplace.portal.revocation_waits();
    assert!(workplace.ask_about(&view.serial).await.contains("revoked"));
}

#[tokio::test]
async fn a_number_that_was_never_issued_is_unknown() {
    let workplace = Workplace::new().await;
    let unknown = workplace.ask_about("4001020304").await;
    assert!(unknown.contains("Cert Status: unknown"), "{unknown}");
}

#[tokio::test]
async fn one_question_may_be_about_several_certificates() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    let root = IssuerHashes::of(workplace.portal.ca.current().chain().last().unwrap());
    let serial = Serial::parse(&view.serial).unwrap();
    let foreign = CertId::new(&root, HashAlgorithm::Sha256, &serial).unwrap();
    let asked = [foreign.clone(), workplace.certificate_id("4001020304"), workplace.certificate_id(&view.serial)];
    let text = printed(&workplace.ask(&Question::to_der(&asked, None).unwrap()).await.body);
    let states: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("Cert Status: ")).collect();
    assert_eq!(states, ["unknown", "unknown", "good"]);
    let alone = workplace.ask(&Question::to_der(&[foreign], None).unwrap()).await;
    assert_eq!(alone.body, UNAUTHORIZED);
}

#[tokio::test]
async fn a_nonce_is_repeated_and_its_answer_kept_by_nobody() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    let question = Question::to_der(&[workplace.certificate_id(&view.serial)], Some(&[0xa5; 32])).unwrap();
    let reply = workplace.ask(&question).await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(!reply.headers.contains_key("etag"));
    assert!(reply.body.windows(32).any(|window| window == [0xa5; 32]));
    let again = workplace.ask(&question).await;
    assert_ne!(again.body, reply.body, "an answer with a nonce is signed for whoever asks");
}

#[tokio::test]
async fn an_answer_without_nonce_says_how_long_it_may_be_kept() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    let question = Question::to_der(&[workplace.certificate_id(&view.serial)], None).unwrap();
    let path = format!("/ocsp/{}", STANDARD.encode(&question).replace('+', "%2B").replace('/', "%2F"));
    let reply = workplace.public(&path, &[]).await;
    assert_eq!(reply.headers["cache-control"], "max-age=600, public, no-transform, must-revalidate");
    assert_eq!(reply.headers["expires"], "Mon, 02 Mar 2026 09:10:00 GMT");
    assert_eq!(reply.headers["last-modified"], "Mon, 02 Mar 2026 09:00:00 GMT");
    let tag = reply.headers["etag"].to_str().unwrap();
    let again = workplace.public(&path, &[("if-none-match", tag)]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let head = Request::builder().method(Method::HEAD).uri(&path).body(Body::empty()).unwrap();
    let head = workplace.browser().send(head).await;
    assert_eq!((head.status.as_u16(), head.body.len(), &head.headers["etag"]), (200, 0, &reply.headers["etag"]));
    workplace.clock.advance(Duration::seconds(3));
    assert_ne!(workplace.public(&path, &[]).await.body, reply.body);
}

#[tokio::test]
async fn what_is_no_question_is_answered_in_the_protocol() {
    let workplace = Workplace::new().await;
    for question in [b"".as_slice(), b"no question", &[0x30; 20_000]] {
        let reply = workplace.ask(question).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_slice()), (200, MALFORMED));
        assert_eq!(reply.headers["content-type"], "application/ocsp-response");
    }
    for path in ["/ocsp/x", "/ocsp/MAA=", "/ocsp/%ff%fe"] {
        assert_eq!(workplace.public(path, &[]).await.body, MALFORMED, "{path}");
    }
}

#[tokio::test]
async fn a_responder_is_certified_anew_at_half_its_time_and_once_for_all_who_ask() {
    let workplace = Workplace::new().await;
    let (_, view) = workplace.with_certificate().await;
    let committed = async || {
        let audit = workplace.portal.store.audit().await.unwrap();
        audit.iter().filter(|row| row.event == "authority certificate committed").count()
    };
    let asked = [workplace.ask_about(&view.serial), workplace.ask_about("4001020304"), workplace.ask_about("4002")];
    for answer in futures_util::future::join_all(asked).await {
        assert!(answer.contains("Cert Status"), "{answer}");
    }
    assert_eq!(committed().await, 1);
    workplace.clock.advance(Duration::hours(47));
    workplace.ask_about(&view.serial).await;
    assert_eq!(committed().await, 1);
    workplace.clock.advance(Duration::hours(2));
    assert!(workplace.ask_about(&view.serial).await.contains("Cert Status: good"));
    assert_eq!(committed().await, 2);
}
