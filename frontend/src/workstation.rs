//! The way out to the workstation: messages to the extension's content script (PROTOCOL.md §2). Without an extension
//! nobody ever answers, so every call has a limit.

use std::{
    cell::{Cell, RefCell},
    future::ready,
};

use futures_channel::oneshot;
use leptos::prelude::{document, window};
use qcert_protocol::{
    ErrorCode, PROTOCOL_MINOR, PROTOCOL_VERSION,
    workstation::{Cancel, CreateRequest, CreatedRequest, Diagnose, Failure, InstallCertificate},
    workstation::{Installed, OneToken},
    workstation::{RemoveKeyPair, Removed, RenewRequest, RequestAgain, Stage},
    workstation::{TokenDetails, TokenId, Tokens, WatchTokens},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::MessageEvent;

use crate::{
    browser::{property, sleep},
    checkup::Hello,
    portal::Asked,
    reading::Read,
    trouble::Trouble,
    writing::{self, Write},
};

/// Limit of a question, in milliseconds: the host may have to be started and a module loaded.
pub const QUESTION_MS: i32 = 15_000;

/// Limit of what a person confirms in the extension's window, in milliseconds: its ten minutes and the token's work.
pub const OPERATION_MS: i32 = 12 * 60_000;

type Answer<T> = Result<T, Trouble>;

/// What the extension says unasked.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// Something was plugged in or pulled out.
    Tokens(Tokens),
    /// Where the operation is.
    Progress(Stage),
    /// The extension or the host is gone.
    Disconnected(ErrorCode),
}

struct Waiting {
    id: String,
    answer: oneshot::Sender<Answer<JsValue>>,
}

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// A question that was put and not yet answered.
#[derive(Debug)]
pub struct Call {
    /// Its id, for [`cancel`].
    pub id: String,
    answer: oneshot::Receiver<Answer<JsValue>>,
}

impl Call {
    /// Waits for the answer.
    ///
    /// # Errors
    /// What the workstation says; `workstation_timeout`; `frame_malformed` for an answer of another shape.
    pub fn answer<T: Read + 'static>(self) -> Asked<T> {
        Box::pin(async move {
            let result = self.answer.await.map_err(|_| Trouble::from(ErrorCode::ExtensionDisconnected))??;
            T::read(&result).ok_or_else(|| ErrorCode::FrameMalformed.into())
        })
    }
}

/// The version that the extension's content script wrote into the page.
pub fn extension() -> Option<String> {
    let root = document().document_element()?.dyn_into::<web_sys::HtmlElement>().ok()?;
    root.dataset().get("qcertExtension")
}

/// Listens for answers and notices, as long as the page lives.
pub fn listen(on_notice: impl Fn(Notice) + 'static) {
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let own = event.source().is_some_and(|source| JsValue::from(source) == JsValue::from(window()));
        let origin = window().location().origin().unwrap_or_default();
        if own && event.origin() == origin {
            take(&event.data(), &on_notice);
        }
    });
    // `message` is an event that every window has.
    let _ = window().add_event_listener_with_callback("message", on_message.as_ref().unchecked_ref());
    on_message.forget();
}

fn take(data: &JsValue, on_notice: &impl Fn(Notice)) {
    let text = |name| property(data, name).and_then(|value| value.as_string());
    match text("qcert").as_deref() {
        Some("reply") => {
            let Some(id) = text("id") else { return };
            let answer = match property(data, "error") {
                Some(error) => Err(failure(&error)),
                None => Ok(property(data, "result").unwrap_or(JsValue::UNDEFINED)),
            };
            settle(&id, answer);
        }
        Some("event") => match text("event").as_deref() {
            Some("tokensChanged") => {
                Tokens::read(data).into_iter().for_each(|tokens| on_notice(Notice::Tokens(tokens)))
            }
            Some("progress") => {
                let stage = property(data, "stage").and_then(|stage| Stage::read(&stage));
                stage.into_iter().for_each(|stage| on_notice(Notice::Progress(stage)));
            }
            Some("disconnected") => {
                let trouble = property(data, "error").map(|error| failure(&error));
                let code = trouble.map_or(ErrorCode::ExtensionDisconnected, |trouble| trouble.code);
                abandon(code);
                on_notice(Notice::Disconnected(code));
            }
            _ => {}
        },
        _ => {}
    }
}

fn failure(error: &JsValue) -> Trouble {
    Failure::read(error).map_or_else(|| ErrorCode::FrameMalformed.into(), Trouble::from)
}

fn settle(id: &str, answer: Answer<JsValue>) {
    let waiting = WAITING.with_borrow_mut(|all| {
        let position = all.iter().position(|waiting| waiting.id == id)?;
        Some(all.swap_remove(position))
    });
    // Nobody waits for an answer to another id, or for one that comes after its limit.
    if let Some(waiting) = waiting {
        let _ = waiting.answer.send(answer);
    }
}

fn abandon(code: ErrorCode) {
    for waiting in WAITING.take() {
        let _ = waiting.answer.send(Err(code.into()));
    }
}

/// Puts a question.
///
/// # Errors
/// `extension_disconnected` if the page cannot post.
pub fn ask(command: &str, params: JsValue, limit_ms: i32) -> Answer<Call> {
    let id = LAST.get().wrapping_add(1);
    LAST.set(id);
    let id = format!("page-{id}");
    let message = writing::object(&[
        ("qcert", "request".into()),
        ("id", JsValue::from_str(&id)),
        ("command", command.into()),
        ("params", params),
    ]);
    let origin = window().location().origin().map_err(|_| ErrorCode::ExtensionDisconnected)?;
    let (sender, receiver) = oneshot::channel();
    WAITING.with_borrow_mut(|all| all.push(Waiting { id: id.clone(), answer: sender }));
    window().post_message(&message, &origin).map_err(|_| ErrorCode::ExtensionDisconnected)?;
    let late = id.clone();
    leptos::task::spawn_local(async move {
        sleep(limit_ms).await;
        settle(&late, Err(ErrorCode::WorkstationTimeout.into()));
    });
    Ok(Call { id, answer: receiver })
}

/// A call that nobody confirms, with its answer.
fn question<T: Read + 'static>(command: &str, params: JsValue) -> Asked<T> {
    match ask(command, params, QUESTION_MS) {
        Ok(call) => call.answer(),
        Err(trouble) => Box::pin(ready(Err(trouble))),
    }
}

/// Are extension and host there, and do they speak our protocol?
pub fn hello() -> Asked<Hello> {
    let versions = [("protocol_version", PROTOCOL_VERSION.into()), ("protocol_minor", PROTOCOL_MINOR.into())];
    question("hello", writing::object(&versions))
}

/// The tokens, and from now on a notice of every change.
pub fn watch_tokens() -> Asked<Tokens> {
    question("watchTokens", WatchTokens { on: true }.write())
}

/// One token in detail.
pub fn token_details(token: &TokenId) -> Asked<TokenDetails> {
    question("tokenDetails", OneToken { token: token.clone() }.write())
}

/// What the host finds wrong (`Diagnosis`), as it came; with names of tokens and lines of its log only if they are asked
/// for.
pub fn diagnose(names: bool, log: bool) -> Asked<JsValue> {
    question("diagnose", Diagnose { names, log }.write())
}

/// Makes a key pair and a request; the answer is a [`CreatedRequest`].
#[inline(never)]
pub fn create_request(params: &CreateRequest) -> Answer<Operation<CreatedRequest>> {
    Operation::begin("createRequest", params.write())
}

/// The same, and the key of the certificate that is renewed vouches for the new one.
#[inline(never)]
pub fn renew_request(params: &RenewRequest) -> Answer<Operation<CreatedRequest>> {
    Operation::begin("renewRequest", params.write())
}

/// Makes a request by a pair that is there already.
#[inline(never)]
pub fn request_again(params: &RequestAgain) -> Answer<Operation<CreatedRequest>> {
    Operation::begin("requestAgain", params.write())
}

/// Writes a certificate beside its key; the answer is [`Installed`].
#[inline(never)]
pub fn install_certificate(params: &InstallCertificate) -> Answer<Operation<Installed>> {
    Operation::begin("installCertificate", params.write())
}

/// Removes a key pair without a certificate that is valid; the answer is [`Removed`].
#[inline(never)]
pub fn remove_key_pair(params: &RemoveKeyPair) -> Answer<Operation<Removed>> {
    Operation::begin("removeKeyPair", params.write())
}

/// A call that the person confirms in the extension's window.
#[derive(Debug)]
pub struct Operation<T> {
    call: Call,
    answer: std::marker::PhantomData<T>,
}

impl<T: Read + 'static> Operation<T> {
    fn begin(command: &str, params: JsValue) -> Answer<Self> {
        Ok(Self { call: ask(command, params, OPERATION_MS)?, answer: std::marker::PhantomData })
    }

    /// For [`cancel`].
    pub fn id(&self) -> String {
        self.call.id.clone()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// As [`Call::answer`].
    pub fn end(self) -> Asked<T> {
        self.call.answer()
    }
}

/// Ends an operation, which is answered `cancelled`.
pub fn cancel(operation: String) {
    // The answer says whether there was such an operation; the operation's own answer is what counts.
    let _ = ask("cancel", Cancel { request: operation }.write(), QUESTION_MS);
}

/// Closes the window that still shows the key's code.
pub fn close_window() {
    // The person can close it as well.
    let _ = ask("closeWindow", writing::object(&[]), QUESTION_MS);
}
