//! The dialog in which a holder has a certificate revoked, with a portal that answers as it is told.
#![cfg(target_arch = "wasm32")]
// A failed step of a test is its failure.
#![allow(clippy::unwrap_used)]

use std::{cell::RefCell, rc::Rc};

use leptos::prelude::*;
use qcert_frontend::{
    app::App,
    browser,
    dom::mount,
    view,
    wizard::{Opened, Screen},
};
use serde_json::{Value, json};
use uuid::Uuid;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{HtmlElement, HtmlInputElement};

wasm_bindgen_test_configure!(run_in_browser);

const CERTIFICATE: &str = "01890a5d-ac96-774b-bcce-b302099a8060";

fn row(state: &str, revision: i64) -> Value {
    json!({
        "id": Uuid::from_u128(7), "number": "7", "holder": "Иванов Иван Иванович", "inn": "6688242590",
        "state": state, "renewable": false, "revision": revision,
        "certificate": {
            "id": CERTIFICATE, "serial": "0A0B", "keyId": "2".repeat(40),
            "notBefore": "2026-11-22T19:13:00Z", "notAfter": "2027-11-22T19:13:00Z",
        },
    })
}

fn revoked() -> Value {
    let mut row = row("revoked", 2);
    row["certificate"]["revoked"] = json!({"at": "2026-11-23T19:13:00Z", "reason": "superseded"});
    row
}

fn problem(code: &str, status: u16, more: Value) -> (u16, Value) {
    let mut body = json!({"type": "urn", "title": "", "status": status, "code": code});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (status, body)
}

/// Answers `/certificates/…` with what is next in the list, and everything else with the rows; keeps what was asked.
struct Portal {
    asked: Rc<RefCell<Vec<(String, String)>>>,
    answers: Rc<RefCell<Vec<(u16, Value)>>>,
    _fetch: Closure<dyn Fn(String, JsValue) -> js_sys::Promise>,
}

impl Portal {
    fn stand_in() -> Self {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let answers = Rc::new(RefCell::new(Vec::<(u16, Value)>::new()));
        let (log, next) = (asked.clone(), answers.clone());
        let fetch =
            Closure::<dyn Fn(String, JsValue) -> js_sys::Promise>::new(move |address: String, init: JsValue| {
                let (status, body) = if address.contains("/certificates/") {
                    let body = js_sys::Reflect::get(&init, &"body".into()).unwrap().as_string().unwrap_or_default();
                    log.borrow_mut().push((address, body));
                    next.borrow_mut().remove(0)
                } else {
                    (200, json!([row("installed", 1)]))
                };
                let answer = js_sys::Function::new_with_args("text, status", "return new Response(text, {status})");
                let response = answer.call2(&JsValue::NULL, &body.to_string().into(), &status.into()).unwrap();
                js_sys::Promise::resolve(&response)
            });
        js_sys::Reflect::set(&window(), &"fetch".into(), fetch.as_ref()).unwrap();
        Self { asked, answers, _fetch: fetch }
    }

    fn will_answer(&self, answer: (u16, Value)) {
        self.answers.borrow_mut().push(answer);
    }

    fn last(&self) -> (String, Value) {
        let (address, body) = self.asked.borrow().last().cloned().unwrap();
        (address, serde_json::from_str(&body).unwrap())
    }
}

struct Page {
    place: HtmlElement,
    _owner: Owner,
}

impl Page {
    async fn open() -> Self {
        window().session_storage().unwrap().unwrap().clear().unwrap();
        let place: HtmlElement = document().create_element("div").unwrap().unchecked_into();
        document().body().unwrap().append_child(&place).unwrap();
        let owner = mount(&place, || {
            let app = App::new();
            app.rows.set(Some(vec![serde_json::from_value(row("installed", 1)).unwrap()]));
            app.screen.set(Screen::Opened(Opened { id: Uuid::from_u128(7) }));
            view::page(app)
        });
        let page = Self { place, _owner: owner };
        page.press("Отозвать сертификат").await;
        page
    }

    fn find(&self, selector: &str) -> HtmlElement {
        self.place.query_selector(selector).unwrap().unwrap_or_else(|| panic!("no {selector}")).unchecked_into()
    }

    /// Presses the last button with a text: the dialog stands behind what opens it.
    async fn press(&self, text: &str) {
        let last = "return [...place.querySelectorAll('button')].filter((one) => one.textContent === text).pop()";
        let find = js_sys::Function::new_with_args("place, text", last);
        let button = find.call2(&JsValue::NULL, &self.place, &text.into()).unwrap();
        button.dyn_into::<HtmlElement>().unwrap_or_else(|_| panic!("no button {text}")).click();
        browser::sleep(60).await;
    }

    async fn choose(&self, reason: &str) {
        self.find(&format!("#{reason}")).click();
        self.press("Получить пароль").await;
    }

    async fn enter(&self, password: &str) {
        let field: HtmlInputElement = self.find("#password").unchecked_into();
        field.set_value(password);
        field.dispatch_event(&web_sys::Event::new("input").unwrap()).unwrap();
        self.find("dialog form button[type=submit]").click();
        browser::sleep(60).await;
    }

    fn says(&self, text: &str) -> bool {
        self.place.text_content().unwrap().contains(text)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.place.remove();
    }
}

fn ordered() -> (u16, Value) {
    (202, json!({"resendAfterSeconds": 120, "expiresInSeconds": 600}))
}

#[wasm_bindgen_test]
async fn a_certificate_is_revoked_by_a_reason_and_the_password_that_was_ordered_for_it() {
    let portal = Portal::stand_in();
    let page = Page::open().await;
    assert!(page.find("dialog").matches(":modal").unwrap());
    assert!(page.says("Отзыв нельзя отменить"));

    page.press("Получить пароль").await;
    assert!(page.find("#reason-error").text_content().unwrap().contains("Выберите причину"));
    assert_eq!(document().active_element().unwrap().id(), "keyCompromise");
    assert!(portal.asked.borrow().is_empty());

    portal.will_answer(ordered());
    page.choose("superseded").await;
    let (address, body) = portal.last();
    assert_eq!(address, format!("/api/v1/certificates/{CERTIFICATE}/revocation/password"));
    assert_eq!(body, json!({"reason": "superseded"}));
    assert_eq!(document().active_element().unwrap().id(), "password");
    let left = page.find("[role=timer]").text_content().unwrap();
    assert!(left == "2:00" || left.starts_with("1:5"), "{left}");

    portal.will_answer(problem("otp_wrong", 403, json!({"triesLeft": 4})));
    page.enter("123456").await;
    assert!(page.says("Пароль неверный. Осталось попыток: 4."));
    assert_eq!(document().active_element().unwrap().id(), "password");

    portal.will_answer((200, revoked()));
    page.enter("654321").await;
    let (address, body) = portal.last();
    assert_eq!(address, format!("/api/v1/certificates/{CERTIFICATE}/revocation"));
    assert_eq!(body, json!({"reason": "superseded", "password": "654321"}));
    assert!(page.place.query_selector("dialog").unwrap().is_none());
    assert!(page.says("отозван") && page.says("Получен новый сертификат") && page.says("2026"));
}

#[wasm_bindgen_test]
async fn a_password_is_ordered_once_when_the_dialog_is_left_and_opened_again() {
    let portal = Portal::stand_in();
    let page = Page::open().await;
    portal.will_answer(ordered());
    page.choose("keyCompromise").await;
    page.press("Отмена").await;
    assert!(page.place.query_selector("dialog").unwrap().is_none());

    page.press("Отозвать сертификат").await;
    portal.will_answer(problem("otp_resend_too_early", 429, json!({"retryAfterSeconds": 90})));
    page.choose("keyCompromise").await;
    assert_eq!(document().active_element().unwrap().id(), "password");
    let left = page.find("[role=timer]").text_content().unwrap();
    assert!(left == "1:30" || left.starts_with("1:2"), "{left}");

    page.press("Отмена").await;
    page.press("Отозвать сертификат").await;
    portal.will_answer(problem("otp_resend_too_early", 429, json!({"retryAfterSeconds": 80})));
    page.choose("superseded").await;
    assert!(page.place.query_selector("#password").unwrap().is_none());
    assert!(page.says("Смс отправлено недавно.") && page.says("1:20"));
}
