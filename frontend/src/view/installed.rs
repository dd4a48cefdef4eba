//! Figure 12: the certificate is on its token.

use qcert_protocol::{ApplicationState, portal::CertificateView};
use uuid::Uuid;

use super::{choice, installation, notice, pieces, renewal, revocation};
use crate::{
    app::App,
    dom::{View, el, part},
    installed_here, portal,
    trouble::Trouble,
    words::Words,
};

/// The screen.
pub fn installed(app: App, words: &'static Words, id: Uuid, certificate: CertificateView) -> View {
    let row = app.row(id);
    let text = row.as_ref().map(|row| installation::row(words, &row.holder, row.organization.clone(), &row.inn));
    let installer = row
        .as_ref()
        .and_then(|row| row.request.as_ref())
        .map(|request| installation::Installer::new(app, request, certificate.id));
    let store = match installed_here::store_error(certificate.id) {
        None => View::nothing(),
        Some(None) => notice::good(words.in_store()),
        Some(Some(code)) => {
            let again = installer.map(|installer| {
                View::all([
                    pieces::button("button", words.install_again(), move || installer.press()).view(),
                    installer.feedback(words),
                ])
            });
            View::all([
                el("p").child(words.not_in_store()).child(" ").child(words.not_in_store_next()).view(),
                notice::trouble(words, &Trouble::from(code)),
                again.into(),
            ])
        }
    };
    let validity =
        format!("{} – {}", pieces::date(words, certificate.not_before), pieces::date(words, certificate.not_after));
    pieces::panel(app, words, words.done())
        .child(el("p").child(words.done_intro()))
        .child(
            el("div")
                .class("card card--good")
                .child(text)
                .child(choice::state_mark(words, ApplicationState::Installed))
                .child(
                    el("a")
                        .class("button")
                        .set("href", portal::certificate_file(certificate.id))
                        .set("download", "")
                        .child(words.download()),
                )
                .child(part(move || app.row(id).filter(|row| row.renewable).map(|_| renewal::renewal(app, words, id)))),
        )
        .child(pieces::pairs(vec![(words.serial_number(), certificate.serial.clone()), (words.valid(), validity)]))
        .child(store)
        .child(revocation::revocation(app, words, &certificate))
        .view()
}
