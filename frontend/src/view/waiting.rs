//! Figure 10: the authority works. The row follows by itself, and the browser may be closed.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::ApplicationState;
use uuid::Uuid;

use super::{choice, dialog, notice, pieces};
use crate::{app::App, portal, trouble::Trouble, words::Words};

/// The screen.
pub fn waiting(app: App, words: &'static Words, id: Uuid, state: ApplicationState) -> AnyView {
    let asking = RwSignal::new(false);
    // What is being issued already cannot be taken back.
    let withdraw = (state == ApplicationState::Sent).then(|| {
        view! {
            <p class="aside">
                {words.withdraw_why} " "
                <button type="button" class="button button--link" on:click=move |_| asking.set(true)>{words.withdraw}</button>
            </p>
        }
    });
    view! {
        <section class="panel" aria-labelledby="heading">
            {pieces::back(app, words)}
            {pieces::heading(words.sent)}
            <p class="stage" role="status" aria-live="polite">{choice::state_mark(words, state)}</p>
            <progress class="bar" aria-labelledby="heading"></progress>
            <p>{words.sent_intro}</p>
            <p>{words.sent_leave}</p>
            <p class="aside">{words.sent_longer} " " {pieces::support_phone(app)}</p>
            {withdraw}
            {move || asking.get().then(|| confirm(app, words, id, asking))}
        </section>
    }
    .into_any()
}

fn confirm(app: App, words: &'static Words, id: Uuid, asking: RwSignal<bool>) -> AnyView {
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<Trouble>);
    let go = move |_| {
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match portal::withdraw(id).await {
                Ok(row) => app.take_row(row),
                Err(trouble) => {
                    busy.try_set(false);
                    failed.try_set(app.shown(trouble));
                }
            }
        });
    };
    let body = view! {
        <p>{words.withdraw_sure}</p>
        {notice::slot(words, failed)}
        <div class="dialog__buttons">
            <button type="button" class="button button--bad" disabled=move || busy.get() on:click=go>{words.withdraw}</button>
            <button type="button" class="button" on:click=move |_| asking.set(false)>{words.cancel}</button>
        </div>
    };
    dialog::dialog(words.withdraw, "", move || asking.set(false), body.into_any())
}
