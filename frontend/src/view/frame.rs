//! What stands around every screen: the authority's name, the language, who is signed in, the steps, the support.

use leptos::prelude::*;

use super::{notice, pieces, step_bar};
use crate::{
    app::App,
    browser::Beside,
    dom::{View, el, part},
    words::Words,
};

/// Puts a screen into its frame.
pub fn frame(app: App, words: &'static Words, screen: impl Fn() -> View + Send + Sync + 'static) -> View {
    let authority = part(move || {
        app.configuration.with(|known| {
            known.as_ref().map_or_else(|| words.authority().to_owned(), |configuration| configuration.authority.clone())
        })
    });
    let signed_in = part(move || {
        app.session.get().map(|session| {
            View::all([
                el("span").class("head__phone").child(session.phone).view(),
                pieces::button("button button--quiet", words.sign_out(), move || app.sign_out()).view(),
            ])
        })
    });
    let everywhere = part(move || {
        app.session.with(Option::is_some).then(|| {
            let failed = RwSignal::new(None);
            let press = move || app.sign_out_everywhere(failed);
            View::all([
                pieces::button("button button--link", words.sign_out_everywhere(), press).view(),
                notice::slot(words, failed),
            ])
        })
    });
    let other = app.language.get_untracked().other().tag();
    let offline = part(move || {
        (!app.online.get()).then(|| el("p").class("offline").set("role", "status").child(words.offline()).view())
    });
    let no_english = part(move || {
        app.no_english.get().then(|| el("p").class("offline").set("role", "alert").child(words.no_english()))
    });
    View::all([
        el("a").class("skip").set("href", "#main").on("click", pieces::skip).child(words.skip()).view(),
        el("header")
            .class("head")
            .child(
                el("div")
                    .class("head__inside")
                    .child(el("span").class("head__mark").set("aria-hidden", "true"))
                    .child(el("span").class("head__name").child(authority))
                    .child(
                        el("div").class("head__right").child(signed_in).child(
                            pieces::button("button button--quiet", words.other_language(), move || {
                                app.change_language()
                            })
                            .set("lang", other),
                        ),
                    ),
            )
            .view(),
        step_bar::step_bar(app, words),
        offline,
        no_english,
        el("main").set("id", "main").class("main").set("tabindex", "-1").child(part(screen)).view(),
        el("footer")
            .class("foot")
            .child(el("span").child(words.support()))
            .child(pieces::support_phone(app))
            .child(el("a").set("href", Beside::Containers.address()).child(words.containers()))
            .child(everywhere)
            .view(),
    ])
}
