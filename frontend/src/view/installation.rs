//! Figure 11: the certificate is issued and goes to the token that holds its key, and to no other.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{
    ApplicationState, ErrorCode,
    portal::{CertificateView, Installation, RequestView},
    workstation::{InstallCertificate, Installed, Token},
};
use uuid::Uuid;

use super::{choice, confirmation::token_name, notice, pieces, preparation, revocation};
use crate::{
    app::App,
    devices::{self, Search},
    dom::{View, el, part, state},
    installed_here,
    portal::{self, Asked},
    trouble::Trouble,
    words::{self, Words},
    workstation,
};

/// The screen.
pub fn installation(
    app: App,
    words: &'static Words,
    id: Uuid,
    request: RequestView,
    certificate: CertificateView,
) -> View {
    let installer = Installer::new(app, &request, certificate.id);
    if app.install_wanted.get_untracked() == Some(id) {
        app.install_wanted.set(None);
        installer.press();
    }
    let row = part(move || app.row(id).map(|row| self::row(words, &row.holder, row.organization, &row.inn)));
    let ready = installer;
    let wanted = request.token.clone();
    let token = part(move || self::token(words, ready.search(), &wanted));
    pieces::panel(app, words, words.installation())
        .child(el("p").child(words.installation_intro()))
        .child(
            el("div")
                .class("card")
                .child(row)
                .child(choice::state_mark(words, ApplicationState::ReadyToInstall))
                .child(
                    pieces::button("button button--main", words.action_install(), move || installer.press())
                        .set("aria-disabled", state(move || installer.busy.get())),
                ),
        )
        .child(token)
        .child(installer.feedback(words))
        .child(revocation::revocation(app, words, &certificate))
        .view()
}

/// Holder, organisation and INN, as a row of figures 11 and 12 has them.
pub fn row(words: &'static Words, holder: &str, organization: Option<String>, inn: &str) -> View {
    el("div")
        .class("card__text")
        .child(el("b").child(holder.to_owned()))
        .child(organization.map(|name| el("span").child(name).view()))
        .child(el("span").child(words.column_inn()).child(" ").child(inn.to_owned()))
        .view()
}

fn token(words: &'static Words, search: Result<Search, ErrorCode>, wanted: &qcert_protocol::portal::TokenName) -> View {
    let name = token_name(words, wanted);
    let wanted = words::fill(words.wanted_token(), &name);
    match search {
        Ok(Search::Found(_)) => el("p")
            .class("notice notice--good")
            .set("role", "status")
            .child(words::fill(words.right_token(), &name))
            .view(),
        Ok(Search::Others(others)) => {
            let others: Vec<_> = others.iter().map(|other| token_name(words, other)).collect();
            let wrong = words::fill(words.wrong_token(), &others.join(", "));
            el("p")
                .class("notice notice--bad")
                .set("role", "status")
                .child(wrong)
                .child(" ")
                .child(wanted)
                .child(" ")
                .child(words.waiting_for_token())
                .view()
        }
        Ok(Search::Nothing) => el("p")
            .class("notice")
            .set("role", "status")
            .child(wanted)
            .child(" ")
            .child(words.waiting_for_token())
            .view(),
        Err(code) => View::all([
            el("p").class("notice").set("role", "status").child(wanted).view(),
            notice::trouble(words, &code.into()),
        ]),
    }
}

/// Installs a certificate and tells the portal.
#[derive(Clone, Copy)]
pub struct Installer {
    app: App,
    request: StoredValue<RequestView>,
    certificate: Uuid,
    /// Is it at work?
    pub busy: RwSignal<bool>,
    failed: RwSignal<Option<Trouble>>,
    unrecorded: RwSignal<Option<Installed>>,
}

impl Installer {
    /// For the certificate of a request.
    pub fn new(app: App, request: &RequestView, certificate: Uuid) -> Self {
        Self {
            app,
            request: StoredValue::new(request.clone()),
            certificate,
            busy: RwSignal::new(false),
            failed: RwSignal::new(None),
            unrecorded: RwSignal::new(None),
        }
    }

    /// Where the token is.
    pub fn search(self) -> Result<Search, ErrorCode> {
        let wanted = self.request.with_value(|request| request.token.clone());
        self.app.workplace.with(|workplace| match workplace.tokens() {
            Ok(tokens) => Ok(devices::search(tokens, &wanted)),
            Err(code) => code.map_or(Ok(Search::Nothing), Err),
        })
    }

    /// `установить`.
    pub fn press(self) {
        if self.busy.get_untracked() {
            return;
        }
        let token = match untrack(|| self.search()) {
            Ok(Search::Found(token)) => token,
            Ok(Search::Others(_)) => return self.failed.set(Some(ErrorCode::TokenMismatch.into())),
            Ok(Search::Nothing) => return self.failed.set(Some(ErrorCode::TokenMissing.into())),
            Err(code) => return self.failed.set(Some(code.into())),
        };
        self.failed.set(None);
        self.app.progress.set(None);
        self.busy.set(true);
        spawn_local(async move {
            let ended = self.install(token).await;
            match ended {
                Ok(installed) => self.record(installed).await,
                Err(trouble) => {
                    self.busy.try_set(false);
                    self.failed.try_set(self.app.shown(trouble));
                }
            }
        });
    }

    async fn install(self, token: Token) -> Result<Installed, Trouble> {
        let container = self.request.with_value(|request| request.container.clone());
        // From here on the view may be gone; what is awaited goes on.
        let details = portal::certificate(self.certificate).await?;
        let params = InstallCertificate { token: token.id, container, certificate: details.der };
        self.app.operate(workstation::install_certificate(&params)).await
    }

    async fn record(self, installed: Installed) {
        let recorded = record(self.app, self.certificate, &installed).await;
        self.busy.try_set(false);
        if let Err(trouble) = recorded {
            self.unrecorded.try_set(Some(installed));
            self.failed.try_set(self.app.shown(trouble));
        }
    }

    /// The dialog while it works, and what went wrong.
    pub fn feedback(self, words: &'static Words) -> View {
        let again = move || {
            if let Some(installed) = self.unrecorded.get_untracked() {
                self.unrecorded.set(None);
                self.failed.set(None);
                spawn_local(self.record(installed));
            }
        };
        let unrecorded = part(move || {
            self.unrecorded.with(Option::is_some).then(|| {
                View::all([
                    el("p").class("notice").child(words.not_recorded()).view(),
                    pieces::button("button", words.retry(), again).view(),
                ])
            })
        });
        View::all([
            part(move || self.busy.get().then(|| preparation::waiting_for_window(self.app, words, words.installing()))),
            notice::slot(words, self.failed),
            unrecorded,
        ])
    }
}

/// Tells the portal that a certificate is on its token, and this tab what became of it in the store.
pub fn record(app: App, certificate: Uuid, installed: &Installed) -> Asked<()> {
    let installation = Installation { token: installed.token.clone(), in_store: installed.store_error.is_none() };
    installed_here::keep(certificate, installed.store_error);
    Box::pin(async move {
        app.take_row(portal::record_installation(certificate, &installation).await?);
        Ok(())
    })
}
