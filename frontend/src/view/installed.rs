//! Figure 12: the certificate is on its token.

use leptos::prelude::*;
use qcert_protocol::{ApplicationState, portal::CertificateView};
use uuid::Uuid;

use super::{choice, installation, notice, pieces};
use crate::{app::App, installed_here, portal, trouble::Trouble, words::Words};

/// The screen.
pub fn installed(app: App, words: &'static Words, id: Uuid, certificate: CertificateView) -> AnyView {
    let row = app.row(id);
    let text = row.as_ref().map(|row| installation::row(words, &row.holder, row.organization.clone(), &row.inn));
    let installer = row
        .as_ref()
        .and_then(|row| row.request.as_ref())
        .map(|request| installation::Installer::new(app, request, certificate.id));
    let store = match installed_here::store_error(certificate.id) {
        None => ().into_any(),
        Some(None) => notice::good(words.in_store),
        Some(Some(code)) => {
            let again = installer.map(|installer| {
                view! {
                    <button type="button" class="button" on:click=move |_| installer.press()>{words.install_again}</button>
                    {installer.feedback(words)}
                }
            });
            view! {
                <p>{words.not_in_store} " " {words.not_in_store_next}</p>
                {notice::trouble(words, &Trouble::from(code))}
                {again}
            }
            .into_any()
        }
    };
    let validity =
        format!("{} – {}", pieces::date(words, certificate.not_before), pieces::date(words, certificate.not_after));
    view! {
        <section class="panel" aria-labelledby="heading">
            {pieces::back(app, words)}
            {pieces::heading(words.done)}
            <p>{words.done_intro}</p>
            <div class="card card--good">
                {text}
                {choice::state_mark(words, ApplicationState::Installed)}
                <a class="button" href=portal::certificate_file(certificate.id) download="">{words.download}</a>
            </div>
            <dl class="pairs">
                <div class="pair"><dt>{words.serial_number}</dt><dd class="number">{certificate.serial}</dd></div>
                <div class="pair"><dt>{words.valid}</dt><dd>{validity}</dd></div>
            </dl>
            {store}
        </section>
    }
    .into_any()
}
