//! What stands around every screen: the authority's name, the language, who is signed in, the steps, the support.

use leptos::prelude::*;

use super::{pieces, step_bar};
use crate::{app::App, words::Words};

/// Puts a screen into its frame.
pub fn frame(app: App, words: &'static Words, screen: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
    let authority = move || {
        app.configuration.with(|known| {
            known.as_ref().map_or_else(|| words.authority.to_owned(), |configuration| configuration.authority.clone())
        })
    };
    let signed_in = move || {
        app.session.get().map(|session| {
            view! {
                <span class="head__phone">{session.phone}</span>
                <button type="button" class="button button--quiet" on:click=move |_| app.sign_out()>
                    {words.sign_out}
                </button>
            }
        })
    };
    let other = app.language.get_untracked().other().tag();
    let offline = move || (!app.online.get()).then(|| view! { <p class="offline" role="status">{words.offline}</p> });
    view! {
        <a class="skip" href="#main" on:click=pieces::skip>{words.skip}</a>
        <header class="head">
            <div class="head__inside">
                <span class="head__mark" aria-hidden="true"></span>
                <span class="head__name">{authority}</span>
                <div class="head__right">
                    {signed_in}
                    <button type="button" class="button button--quiet" lang=other on:click=move |_| app.change_language()>
                        {words.other_language}
                    </button>
                </div>
            </div>
        </header>
        {step_bar::step_bar(app, words)}
        {offline}
        <main id="main" class="main" tabindex="-1">{screen}</main>
        <footer class="foot">
            <span>{words.support}</span>
            {pieces::support_phone(app)}
        </footer>
    }
    .into_any()
}
