//! What only a browser can show: trusted events, modal dialogs, messages between page and extension.
#![cfg(target_arch = "wasm32")]
// A failed step of a test is its failure.
#![allow(clippy::unwrap_used)]

use std::{cell::RefCell, rc::Rc};

use leptos::prelude::*;
use qcert_frontend::{
    app::App,
    browser,
    dom::{View, el, mount},
    view::{self, dialog, sensor},
    wizard::{EnterPhone, Screen},
    words::{Language, english},
    workstation::{self, Notice},
};
use qcert_protocol::{ErrorCode, workstation::Tokens};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{HtmlElement, KeyboardEvent, PointerEvent};

wasm_bindgen_test_configure!(run_in_browser);

fn post(json: &str) {
    let message = js_sys::JSON::parse(json).unwrap();
    window().post_message(&message, &window().location().origin().unwrap()).unwrap();
}

fn place() -> HtmlElement {
    let place = document().create_element("div").unwrap();
    document().body().unwrap().append_child(&place).unwrap();
    place.unchecked_into()
}

fn find(place: &HtmlElement, selector: &str) -> HtmlElement {
    place.query_selector(selector).unwrap().unwrap_or_else(|| panic!("no {selector}")).unchecked_into()
}

/// The portal answers every question in one way.
fn portal_answers(how: &str) {
    let fetch = js_sys::Function::new_with_args("address", &format!("return Promise.resolve({how})"));
    js_sys::Reflect::set(&window(), &"fetch".into(), &fetch).unwrap();
}

#[wasm_bindgen_test]
fn an_event_that_the_browser_does_not_vouch_for_adds_nothing() {
    let owner = Owner::new();
    let percent = owner.with(|| sensor::collect(|_| panic!("collected from a script's events")));
    for i in 0..400 {
        window().dispatch_event(&PointerEvent::new("pointermove").unwrap()).unwrap();
        let key = KeyboardEvent::new("keydown").unwrap();
        window().dispatch_event(&key).unwrap();
        assert_eq!(percent.get_untracked(), 0, "after {i}");
    }
    owner.cleanup();
}

#[wasm_bindgen_test]
async fn a_dialog_keeps_the_focus_and_makes_the_page_behind_it_inert() {
    let place = place();
    let cancelled = RwSignal::new(false);
    let handle = mount(&place, move || {
        let inside = el("button").set("id", "inside").child("inside").view();
        let outside = el("button").set("id", "outside").child("outside").view();
        View::all([outside, dialog::dialog("Название", "", move || cancelled.set(true), inside)])
    });
    browser::sleep(50).await;
    let dialog = find(&place, "dialog");
    assert!(dialog.matches(":modal").unwrap());
    let title = document().get_element_by_id(&dialog.get_attribute("aria-labelledby").unwrap()).unwrap();
    assert_eq!(title.text_content().unwrap(), "Название");
    find(&place, "#outside").focus().unwrap();
    assert_eq!(document().active_element().unwrap().id(), "inside");

    let escape = web_sys::Event::new("cancel").unwrap();
    dialog.dispatch_event(&escape).unwrap();
    assert!(cancelled.get_untracked());
    drop(handle);
    place.remove();
}

#[wasm_bindgen_test]
async fn a_call_that_nobody_answers_ends_by_its_limit() {
    workstation::listen(|_| {});
    let call = workstation::ask("listTokens", JsValue::UNDEFINED, 50).unwrap();
    let answer = call.answer::<Tokens>().await;
    assert_eq!(answer.unwrap_err().code, ErrorCode::WorkstationTimeout);
}

#[wasm_bindgen_test]
async fn a_reply_to_another_id_is_ignored() {
    workstation::listen(|_| {});
    let call = workstation::ask("listTokens", JsValue::UNDEFINED, 5_000).unwrap();
    let id = call.id.clone();
    post(r#"{"qcert":"reply","id":"someone-else","error":{"code":"cancelled"}}"#);
    post(&format!(r#"{{"qcert":"request","id":"{id}","command":"listTokens","params":{{}}}}"#));
    post(&format!(
        r#"{{"qcert":"reply","id":"{id}","result":{{"modules":[],"readers":[],"missing":"module_missing"}}}}"#
    ));
    let tokens = call.answer::<Tokens>().await.unwrap();
    assert_eq!(tokens.missing, Some(ErrorCode::ModuleMissing));
}

#[wasm_bindgen_test]
async fn a_host_that_ends_answers_every_call_that_waits_and_is_not_called_cancelled() {
    let notices = Rc::new(RefCell::new(Vec::new()));
    let heard = notices.clone();
    workstation::listen(move |notice| heard.borrow_mut().push(notice));
    let first = workstation::ask("listTokens", JsValue::UNDEFINED, 5_000).unwrap();
    let second = workstation::ask("listTokens", JsValue::UNDEFINED, 5_000).unwrap();
    post(r#"{"qcert":"event","event":"disconnected","error":{"code":"host_exited"}}"#);
    assert_eq!(first.answer::<Tokens>().await.unwrap_err().code, ErrorCode::HostExited);
    assert_eq!(second.answer::<Tokens>().await.unwrap_err().code, ErrorCode::HostExited);
    // Each listener of the page hears it in its turn.
    browser::sleep(20).await;
    assert!(notices.borrow().contains(&Notice::Disconnected(ErrorCode::HostExited)));
}

#[wasm_bindgen_test]
async fn an_answer_of_another_shape_is_told_apart() {
    workstation::listen(|_| {});
    let call = workstation::ask("listTokens", JsValue::UNDEFINED, 5_000).unwrap();
    let id = call.id.clone();
    post(&format!(r#"{{"qcert":"reply","id":"{id}","result":{{"readers":7}}}}"#));
    assert_eq!(call.answer::<Tokens>().await.unwrap_err().code, ErrorCode::FrameMalformed);
}

#[wasm_bindgen_test]
async fn the_page_speaks_russian_until_a_person_chooses_and_then_keeps_the_choice() {
    let storage = window().local_storage().unwrap().unwrap();
    storage.clear().unwrap();
    let place = place();
    let handle = mount(&place, || {
        let app = App::new();
        app.screen.set(Screen::EnterPhone(EnterPhone { open: None, session_ended: false }));
        view::page(app)
    });
    browser::sleep(20).await;
    assert_eq!(find(&place, "label").text_content().unwrap(), "Номер телефона");
    let current = find(&place, "ol > li[aria-current=step]").text_content().unwrap();
    assert!(current.contains("Авторизация"), "{current}");
    let press = || find(&place, "header button[lang=en]").click();
    let other_build = english::FILE.replacen("english", "other", 1);
    for missing in ["new Response('', {status: 404})".to_owned(), format!("new Response({other_build:?})")] {
        portal_answers(&missing);
        press();
        browser::sleep(20).await;
        assert_eq!(find(&place, "label").text_content().unwrap(), "Номер телефона");
        assert!(find(&place, ".offline[role=alert]").text_content().unwrap().contains("English could not be loaded"));
        assert_eq!(storage.length().unwrap(), 0, "nothing was chosen");
    }
    portal_answers(&format!("new Response({:?})", english::FILE));
    press();
    browser::sleep(20).await;
    assert_eq!(find(&place, "label").text_content().unwrap(), "Telephone number");
    assert_eq!(App::new().language.get_untracked(), Language::English);
    assert!(place.query_selector(".offline[role=alert]").unwrap().is_none());
    storage.clear().unwrap();
    drop(handle);
    place.remove();
}

#[wasm_bindgen_test]
async fn a_number_that_is_none_is_told_beside_its_field() {
    let place = place();
    let handle = mount(&place, || {
        let app = App::new();
        app.screen.set(Screen::EnterPhone(EnterPhone { open: None, session_ended: false }));
        view::page(app)
    });
    browser::sleep(20).await;
    let input = find(&place, "#phone");
    input.unchecked_ref::<web_sys::HtmlInputElement>().set_value("8 800 500");
    input.dispatch_event(&web_sys::Event::new("input").unwrap()).unwrap();
    assert_eq!(js_sys::Reflect::get(&input, &"value".into()).unwrap(), JsValue::from("+7 800 500"));
    find(&place, "form button").click();
    browser::sleep(50).await;
    assert_eq!(input.get_attribute("aria-invalid").unwrap(), "true");
    assert!(input.get_attribute("aria-describedby").unwrap().contains("phone-error"));
    assert!(find(&place, "#phone-error").text_content().unwrap().contains("10 цифр"));
    drop(handle);
    place.remove();
}
