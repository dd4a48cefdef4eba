//! A certificate from a file: the host finds the key that it belongs to.

use std::rc::Rc;

use js_sys::Uint8Array;
use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{
    Base64, ContainerName, ErrorCode,
    workstation::{InstallCertificate, Installed, TokenId},
};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, File, HtmlInputElement};

use crate::{
    app::App,
    dom::{View, el, part},
    reading::Read,
    rows,
    trouble::Trouble,
    view::{installation, preparation},
    words::Words,
    workstation,
};

/// The field. When the certificate is on the token, the token is looked at `again`.
pub fn from_file(
    app: App,
    words: &'static Words,
    token: TokenId,
    container: ContainerName,
    failed: RwSignal<Option<Trouble>>,
    again: Rc<dyn Fn()>,
) -> View {
    let busy = RwSignal::new(false);
    let chosen = move |event: Event| {
        let input = event.target().and_then(|input| input.dyn_into::<HtmlInputElement>().ok());
        let Some(file) = input.and_then(|input| input.files()?.get(0)) else { return };
        let (token, container, again) = (token.clone(), container.clone(), again.clone());
        busy.set(true);
        failed.set(None);
        app.progress.set(None);
        spawn_local(async move {
            let ended = install(app, token, container, &file).await;
            busy.try_set(false);
            match ended {
                Ok(trouble) => {
                    failed.try_set(trouble);
                    again();
                }
                Err(trouble) => drop(failed.try_set(Some(trouble))),
            }
        });
    };
    View::all([
        el("label")
            .class("field")
            .child(words.from_file())
            .child(" ")
            .child(el("input").set("type", "file").set("accept", ".cer,.crt,.der,.pem").on("change", chosen))
            .view(),
        part(move || busy.get().then(|| preparation::waiting_for_window(app, words, words.installing()))),
    ])
}

/// Afterwards the certificate is on the token; what else may not have worked is the answer.
async fn install(app: App, token: TokenId, container: ContainerName, file: &File) -> Result<Option<Trouble>, Trouble> {
    let certificate = read(file).await.ok_or(ErrorCode::CertificateInvalid)?;
    let params = InstallCertificate { token, container, certificate };
    let installed: Installed = app.operate(workstation::install_certificate(&params)).await?;
    let awaited = app.rows.with_untracked(|rows| rows::awaited(rows.as_deref()?, &installed.key_id));
    let recorded = match awaited {
        Some(certificate) => installation::record(app, certificate, &installed).await,
        None => Ok(()),
    };
    Ok(recorded.err().and_then(|trouble| app.shown(trouble)).or(installed.store_error.map(Trouble::from)))
}

/// DER, which is never a text, or PEM (RFC 7468).
async fn read(file: &File) -> Option<Base64> {
    let bytes = Uint8Array::new(&JsFuture::from(file.array_buffer()).await.ok()?).to_vec();
    match std::str::from_utf8(&bytes) {
        Ok(text) => Base64::read(&text.split("-----").nth(2)?.into()),
        Err(_) => Some(Base64(bytes)),
    }
}
