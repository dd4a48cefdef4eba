//! What a person reported as wrong, and the operator's answer, beside the data; with a portal that answers as it is told.
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
    words::english,
};
use serde_json::{Value, json};
use uuid::Uuid;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{HtmlElement, HtmlTextAreaElement};

wasm_bindgen_test_configure!(run_in_browser);

fn row(revision: i64) -> Value {
    json!({
        "id": Uuid::from_u128(7), "number": "7", "holder": "Иванов Иван Иванович", "inn": "500100732259",
        "state": "available", "renewable": false, "revision": revision,
    })
}

fn details(revision: i64, surname: &str, mistakes: &Value) -> Value {
    json!({
        "row": row(revision), "certificateType": "qualified", "container": "7@2013-04-11-x", "identified": true,
        "activation": "notNeeded",
        "data": {
            "kind": "person", "surname": surname, "givenName": "Иван Иванович", "country": "RU",
            "region": "66 Свердловская область", "locality": "Екатеринбург", "email": "i@e.ru",
            "snils": "07500122105", "innPerson": "500100732259",
        },
        "mistakes": mistakes,
    })
}

/// An open page whose portal holds one application.
struct Page {
    place: HtmlElement,
    app: App,
    held: Rc<RefCell<Value>>,
    _owner: Owner,
    _fetch: Closure<dyn Fn(String) -> js_sys::Promise>,
}

impl Page {
    async fn open(held: Value) -> Self {
        let held = Rc::new(RefCell::new(held));
        let answered = held.clone();
        let fetch = Closure::<dyn Fn(String) -> js_sys::Promise>::new(move |address: String| {
            let held = answered.borrow();
            let body = match address.as_str() {
                _ if address.ends_with(english::NAME) => english::FILE.to_owned(),
                _ if address.ends_with("/applications") => json!([held["row"]]).to_string(),
                _ => held.to_string(),
            };
            let answer = js_sys::Function::new_with_args("text", "return new Response(text)");
            js_sys::Promise::resolve(&answer.call1(&JsValue::NULL, &body.into()).unwrap())
        });
        js_sys::Reflect::set(&window(), &"fetch".into(), fetch.as_ref()).unwrap();
        let place: HtmlElement = document().create_element("div").unwrap().unchecked_into();
        document().body().unwrap().append_child(&place).unwrap();
        let shared = Rc::new(RefCell::new(None));
        let (rows, share) = (vec![serde_json::from_value(held.borrow()["row"].clone()).unwrap()], shared.clone());
        let owner = mount(&place, move || {
            let app = App::new();
            app.rows.set(Some(rows));
            app.screen.set(Screen::Opened(Opened { id: Uuid::from_u128(7) }));
            *share.borrow_mut() = Some(app);
            view::page(app)
        });
        browser::sleep(100).await;
        let app = shared.borrow().unwrap();
        Self { place, app, held, _owner: owner, _fetch: fetch }
    }

    /// The portal holds something newer and says so by an event.
    async fn changes(&self, revision: i64, surname: &str, mistakes: &Value) {
        *self.held.borrow_mut() = details(revision, surname, mistakes);
        self.app.take_row(serde_json::from_value(row(revision)).unwrap());
        browser::sleep(100).await;
    }

    fn find<T: JsCast>(&self, selector: &str) -> T {
        self.place.query_selector(selector).unwrap().unwrap_or_else(|| panic!("no {selector}")).unchecked_into()
    }

    fn text(&self, selector: &str) -> Option<String> {
        self.place.query_selector(selector).unwrap().map(|element| element.text_content().unwrap())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.place.remove();
    }
}

#[wasm_bindgen_test]
async fn an_answer_appears_beside_the_data_and_what_is_being_typed_stays() {
    let page = Page::open(details(1, "Иванов", &json!([]))).await;
    assert_eq!(page.text(".reports"), None);
    let mut report = json!({"text": "Фамилия не та", "reportedAt": "2026-11-22T19:13:00Z"});
    page.changes(2, "Иванов", &json!([report])).await;
    let shown = page.text(".reports").unwrap();
    assert!(shown.contains("Ваши сообщения об ошибках") && shown.contains("Фамилия не та"), "{shown}");
    assert!(shown.contains("2026, ") && shown.contains("Ответа пока нет"), "{shown}");

    page.find::<HtmlElement>(".mistake button").click();
    browser::sleep(50).await;
    page.find::<HtmlTextAreaElement>("#mistake").set_value("И город");
    report["answer"] = json!({"text": "Исправили, проверьте", "at": "2026-11-23T19:13:00Z"});
    let earlier = json!({"text": "Не та улица", "reportedAt": "2026-11-21T19:13:00Z"});
    page.changes(3, "Петров", &json!([report, earlier])).await;
    let shown = page.text(".reports li").unwrap();
    assert!(shown.contains("Ответ удостоверяющего центра") && shown.contains("Исправили, проверьте"), "{shown}");
    assert!(!shown.contains("Ответа пока нет"), "{shown}");
    assert_eq!(page.find::<HtmlElement>(".reports ul").child_element_count(), 2);
    assert!(page.text("table").unwrap().contains("Петров Иван Иванович"));
    assert_eq!(page.find::<HtmlTextAreaElement>("#mistake").value(), "И город");
}

#[wasm_bindgen_test]
async fn reports_are_read_in_english_too_and_their_text_is_no_markup() {
    let report = json!({"text": "<b>x</b>", "reportedAt": "2026-11-22T19:13:00Z"});
    let page = Page::open(details(1, "Иванов", &json!([report]))).await;
    page.app.change_language();
    browser::sleep(100).await;
    let shown = page.text(".reports").unwrap();
    page.app.change_language();
    browser::sleep(20).await;
    assert!(shown.contains("What you reported") && shown.contains("no answer yet"), "{shown}");
    assert!(shown.contains("<b>x</b>"), "{shown}");
}
