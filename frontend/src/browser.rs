//! What the page takes from the browser beside its two ways out: the clock, storage, the address, the focus.

use std::{pin::Pin, time::Duration};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Milliseconds since 1970: the page's one clock.
pub fn now() -> f64 {
    js_sys::Date::now()
}

/// The clock as a signal, for countdowns; it stops with the view that asked for it.
pub fn ticking() -> ReadSignal<f64> {
    let (time, set_time) = signal(now());
    if let Ok(handle) = set_interval_with_handle(move || set_time.set(now()), Duration::from_millis(250)) {
        on_cleanup(move || handle.clear());
    }
    time
}

/// Waits.
pub fn sleep(milliseconds: i32) -> Pin<Box<dyn Future<Output = ()>>> {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        // Without a timer (it is always there) the wait ends at once.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    Box::pin(async move { drop(JsFuture::from(promise).await) })
}

/// What outlives a reload of this tab, and what outlives the browser.
#[derive(Clone, Copy)]
pub enum Shelf {
    /// Until the tab is closed.
    Tab,
    /// Until the person clears it.
    Browser,
}

impl Shelf {
    fn storage(self) -> Option<web_sys::Storage> {
        match self {
            Self::Tab => window().session_storage().ok()?,
            Self::Browser => window().local_storage().ok()?,
        }
    }

    /// Reads; nothing where the browser refuses storage.
    pub fn get(self, key: &str) -> Option<String> {
        self.storage()?.get_item(key).ok()?
    }

    /// Writes, if the browser lets it: what is kept here is a convenience.
    pub fn set(self, key: &str, value: &str) {
        if let Some(storage) = self.storage() {
            let _ = storage.set_item(key, value);
        }
    }

    /// Forgets.
    pub fn remove(self, key: &str) {
        if let Some(storage) = self.storage() {
            let _ = storage.remove_item(key);
        }
    }
}

/// The part of the address after `#/`.
pub fn place() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.strip_prefix("#/").unwrap_or_default().to_owned()
}

/// Writes the part of the address after `#/`.
pub fn set_place(place: &str) {
    if self::place() != place {
        go_to(place);
    }
}

/// The same, from wherever the page is.
pub fn go_to(place: &str) {
    let _ = window().location().set_hash(&format!("/{place}"));
}

/// A page beside the wizard; the support says its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The workstation check.
    Check,
    /// What is on the tokens.
    Containers,
}

impl Beside {
    /// Where it is.
    pub const fn address(self) -> &'static str {
        match self {
            Self::Check => "#check",
            Self::Containers => "#containers",
        }
    }

    /// The one that is open.
    pub fn open() -> Option<Self> {
        let hash = window().location().hash().unwrap_or_default();
        [Self::Check, Self::Containers].into_iter().find(|page| page.address() == hash)
    }
}

/// What the browser tells every site of itself.
pub fn user_agent() -> String {
    window().navigator().user_agent().unwrap_or_default()
}

/// Puts a text into the folder of downloads.
pub fn save(name: &str, text: &str) {
    let address = format!("data:application/json;charset=utf-8,{}", String::from(js_sys::encode_uri_component(text)));
    let link = crate::dom::el("a").set("href", address).set("download", name.to_owned()).element();
    if let Ok(link) = link.dyn_into::<web_sys::HtmlElement>() {
        link.click();
    }
}

/// Sets language and title of the document.
pub fn describe(language: &str, title: &str) {
    document().set_title(title);
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("lang", language);
    }
}

/// Puts the focus on an element, by its id, once it is on screen.
pub fn focus(id: &'static str) {
    request_animation_frame(move || {
        let element = document().get_element_by_id(id);
        if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = element.focus();
        }
    });
}

/// A property of a JavaScript object; nothing where there is none.
pub fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    js_sys::Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}
