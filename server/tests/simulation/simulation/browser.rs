//! What people's browsers send.

use axum::http::Method;
use qcert_protocol::{ActivationCode, Base64};
use serde_json::{Value, json};

use super::{Delivery, Simulation};
use crate::{
    model::Intent,
    operation::{Browser, Key, Operation},
    world::Sent,
};

/// No browser is in it.
pub(super) struct NotSent;

impl Simulation<'_> {
    /// What a browser sends in this step; `Ok(None)` if it has nothing to send, `NotSent` if no browser is in it.
    pub(super) fn delivery(&self, operation: Operation) -> Result<Option<Delivery>, NotSent> {
        use Operation::*;
        let (person, browser) = match operation {
            Again => return Ok(self.last.clone()),
            OrderSignIn(person) => (person, Browser::Left),
            SignIn(person, browser, _) | SignOut(person, browser) | Look(person, browser) => (person, browser),
            SignOutEverywhere(person, browser) => (person, browser),
            Pry(person, browser, _) | Upload(person, browser, ..) | Install(person, browser, _) => (person, browser),
            OrderConfirmation(person, browser, _) | Confirm(person, browser, ..) => (person, browser),
            Remove(person, browser, _) | Withdraw(person, browser, _) => (person, browser),
            Activate(person, browser, ..) | Renew(person, browser, _) => (person, browser),
            OrderRevocation(person, browser, ..) | RevokeOwn(person, browser, ..) => (person, browser),
            _ => return Err(NotSent),
        };
        let cookie = self.model.cookies.get(&(person, browser)).cloned();
        let mut delivery = Delivery {
            person,
            browser,
            intent: Intent::Anything,
            sent: Sent { method: Method::POST, path: String::new(), body: Value::Null, cookie },
        };
        let filled = self.fill(&mut delivery, operation);
        Ok(filled.map(|()| delivery))
    }

    fn fill(&self, delivery: &mut Delivery, operation: Operation) -> Option<()> {
        use Operation::*;
        let person = delivery.person;
        let sent = &mut delivery.sent;
        match operation {
            OrderSignIn(_) => {
                sent.path = "/sign-in/password".to_owned();
                sent.body = json!({"phone": person.phone()});
                sent.cookie = None;
            }
            SignIn(_, _, code) => {
                let typed = self.model.typed(code, person, "signIn", None);
                sent.path = "/sign-in".to_owned();
                sent.body = json!({"phone": person.phone(), "password": typed});
                delivery.intent = Intent::SignIn { phone: person.phone(), typed };
            }
            SignOut(..) => (sent.method, sent.path) = (Method::DELETE, "/session".to_owned()),
            SignOutEverywhere(..) => (sent.method, sent.path) = (Method::DELETE, "/sessions".to_owned()),
            Look(..) => (sent.method, sent.path) = (Method::GET, "/applications".to_owned()),
            Pry(_, _, nth) => {
                let other = self.application(person.other(), nth)?;
                (sent.method, sent.path) = (Method::GET, format!("/applications/{other}"));
            }
            Upload(_, _, nth, key) => {
                let application = self.application(person, nth)?;
                let number = &self.registry.applications[&application].number;
                sent.path = format!("/applications/{application}/requests");
                sent.body = json!({
                    "certificationRequest": Base64(self.pkcs10(key)),
                    "container": format!("{number}@2026-03-02-x"),
                    "token": {"label": "Qcert", "serial": "0001", "model": "SoftHSM"},
                });
            }
            OrderConfirmation(_, _, nth) => {
                sent.path = format!("/requests/{}/password", self.request(person, nth)?);
            }
            Confirm(_, browser, nth, code) => {
                let request = self.request(person, nth)?;
                let session = self.model.session(&self.registry, person, browser);
                let subject = Some((request, session.unwrap_or_default()));
                let typed = self.model.typed(code, person, "confirmation", subject);
                sent.path = format!("/requests/{request}/confirmation");
                sent.body = json!({"password": typed});
                delivery.intent = Intent::Confirm { request, session, typed };
            }
            Remove(_, _, nth) => {
                (sent.method, sent.path) = (Method::DELETE, format!("/requests/{}", self.request(person, nth)?));
            }
            Withdraw(_, _, nth) => {
                sent.path = format!("/applications/{}/withdrawal", self.application(person, nth)?);
            }
            Renew(_, _, nth) => {
                sent.path = format!("/applications/{}/renewal", self.application(person, nth)?);
            }
            Activate(_, _, nth, own) => {
                let application = self.application(person, nth)?;
                let code = match self.model.activation_codes.get(&application).filter(|_| own) {
                    Some(code) => {
                        delivery.intent = Intent::Activate { application };
                        code.clone()
                    }
                    None => ActivationCode::from_bits([3; 7]).to_string(),
                };
                sent.path = format!("/applications/{application}/activation");
                sent.body = json!({"code": code});
            }
            Install(_, _, nth) => {
                sent.path = format!("/certificates/{}/installation", self.certificate(person, nth)?);
                sent.body = json!({"token": {"label": "Qcert", "serial": "1", "model": "m"}, "inStore": false});
            }
            OrderRevocation(_, _, nth, why) => {
                sent.path = format!("/certificates/{}/revocation/password", self.certificate(person, nth)?);
                sent.body = json!({"reason": why.name()});
            }
            RevokeOwn(_, browser, nth, why, code) => {
                let certificate = self.certificate(person, nth)?;
                let session = self.model.session(&self.registry, person, browser);
                let subject = Some((certificate, session.unwrap_or_default()));
                let typed = self.model.typed(code, person, "revocation", subject);
                sent.path = format!("/certificates/{certificate}/revocation");
                sent.body = json!({"reason": why.name(), "password": typed});
                delivery.intent = Intent::Revoke { certificate, session, typed, why };
            }
            _ => {}
        }
        Some(())
    }

    fn pkcs10(&self, key: Key) -> Vec<u8> {
        let requests = &self.template.requests;
        match key {
            Key::Good(number) => requests[usize::from(number) % requests.len()].clone(),
            Key::NotProven => {
                let mut der = requests[0].clone();
                let last = der.len() - 1;
                der[last] ^= 1;
                der
            }
            Key::Garbage => vec![0x30, 0x80],
        }
    }
}
