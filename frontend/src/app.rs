//! What the whole page shares: the screen, the copies of what the portal and the workstation say, the language.

use leptos::{prelude::*, task::spawn_local};
use qcert_protocol::{
    ErrorCode,
    portal::{ApplicationRow, Configuration, Session},
    workstation::Stage,
};
use uuid::Uuid;

use crate::{
    browser::{self, Beside},
    checkup::Workplace,
    dom, ordered,
    portal::{self, Asked},
    preparation::Preparation,
    reading::{self, Read},
    rows,
    trouble::Trouble,
    wizard::{Opened, Screen, Starting},
    words::{Language, Words},
    workstation::{self, Notice, Operation},
};

pub mod language;

/// How often a missing part of the workstation is looked for, in milliseconds.
const LOOK_MS: i32 = 2_000;

/// The page's state, handed to every view.
#[derive(Clone, Copy)]
pub struct App {
    /// The language in use.
    pub language: RwSignal<Language>,
    /// Was English chosen, and its texts did not come?
    pub no_english: RwSignal<bool>,
    /// What is on screen.
    pub screen: RwSignal<Screen>,
    /// The page in front of it.
    pub beside: RwSignal<Option<Beside>>,
    /// The person's applications, once they were fetched.
    pub rows: RwSignal<Option<Vec<ApplicationRow>>>,
    /// The workstation's parts.
    pub workplace: RwSignal<Workplace>,
    /// The portal's configuration, once it was fetched.
    pub configuration: RwSignal<Option<Configuration>>,
    /// Who is signed in.
    pub session: RwSignal<Option<Session>>,
    /// Does the portal answer?
    pub online: RwSignal<bool>,
    /// The request that is being made, and for which application.
    pub preparation: RwSignal<(Uuid, Preparation)>,
    /// Where the workstation's operation is.
    pub progress: RwSignal<Option<Stage>>,
    /// The operation that can be cancelled.
    pub operation: RwSignal<Option<String>>,
    /// The application whose installation was asked for in the list.
    pub install_wanted: RwSignal<Option<Uuid>>,
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// A page that knows nothing yet.
    pub fn new() -> Self {
        let open = reading::uuid(&browser::place());
        Self {
            language: RwSignal::new(language::chosen().words().language),
            no_english: RwSignal::new(false),
            screen: RwSignal::new(Screen::Starting(Starting { open })),
            beside: RwSignal::new(Beside::open()),
            rows: RwSignal::new(None),
            workplace: RwSignal::new(Workplace::Checking),
            configuration: RwSignal::new(None),
            session: RwSignal::new(None),
            online: RwSignal::new(true),
            preparation: RwSignal::new((Uuid::nil(), Preparation::Idle)),
            progress: RwSignal::new(None),
            operation: RwSignal::new(None),
            install_wanted: RwSignal::new(None),
        }
    }

    /// Asks the portal who is signed in, and begins to watch workstation and address.
    pub fn start(self) {
        self.follow_language();
        self.follow_place();
        self.follow_rows();
        self.watch_workplace();
        spawn_local(async move {
            while self.configuration.with_untracked(Option::is_none) {
                if let Ok(configuration) = portal::configuration().await {
                    self.configuration.set(Some(configuration));
                } else {
                    browser::sleep(LOOK_MS).await;
                }
            }
        });
        spawn_local(self.who_is_signed_in());
    }

    async fn who_is_signed_in(self) {
        loop {
            let answer = portal::session().await;
            let Screen::Starting(starting) = self.screen.get_untracked() else { return };
            match answer {
                Ok(session) => {
                    self.session.set(Some(session));
                    return self.screen.set(starting.signed_in());
                }
                Err(trouble) if trouble.code == ErrorCode::SessionRequired => {
                    return self.screen.set(starting.nobody(ordered::sign_in()));
                }
                Err(_) => {
                    self.set_online(false);
                    browser::sleep(LOOK_MS).await;
                }
            }
        }
    }

    /// The texts of the language in use, for a view that is built again when it changes.
    pub fn words(self) -> &'static Words {
        self.language.get_untracked().words()
    }

    /// The row of an application, as it changes.
    pub fn row(self, id: Uuid) -> Option<ApplicationRow> {
        self.rows.with(|rows| rows::find(rows.as_deref()?, id).cloned())
    }

    /// Takes a row from the portal.
    pub fn take_row(self, row: ApplicationRow) {
        let mut rows = self.rows.get_untracked().unwrap_or_default();
        if rows::merge(&mut rows, row) {
            self.rows.set(Some(rows));
        }
    }

    /// Tells of the connection only when it changes.
    pub fn set_online(self, online: bool) {
        if self.online.get_untracked() != online {
            self.online.set(online);
        }
    }

    /// The portal said that nobody is signed in.
    pub fn session_ended(self) {
        self.forget_person();
        self.screen.update(|screen| *screen = screen.clone().session_ended());
    }

    /// Signs out.
    pub fn sign_out(self) {
        spawn_local(async move {
            // Whatever the portal answers, this page forgets.
            let _ = portal::sign_out().await;
            self.signed_out();
        });
    }

    /// Signs out on all devices; what did not work is told, for elsewhere somebody may be signed in still.
    pub fn sign_out_everywhere(self, failed: RwSignal<Option<Trouble>>) {
        spawn_local(async move {
            match portal::sign_out_everywhere().await {
                Ok(()) => self.signed_out(),
                Err(trouble) => drop(failed.try_set(self.shown(trouble))),
            }
        });
    }

    fn signed_out(self) {
        self.forget_person();
        self.preparation.set((Uuid::nil(), Preparation::Idle));
        self.screen.update(|screen| *screen = screen.clone().signed_out());
    }

    /// A trouble that a view shows; a session that ended is not shown, it goes back to the beginning.
    pub fn shown(self, trouble: Trouble) -> Option<Trouble> {
        if trouble.code == ErrorCode::SessionRequired {
            self.session_ended();
            return None;
        }
        Some(trouble)
    }

    fn forget_person(self) {
        self.session.set(None);
        self.rows.set(None);
    }

    /// The address names the open application, so a reload and the browser's own buttons work.
    fn follow_place(self) {
        dom::afterwards(Box::new(move || {
            let open = self.screen.with(Screen::open);
            browser::set_place(&open.map(|id| id.to_string()).unwrap_or_default());
        }));
        let handle = window_event_listener(leptos::ev::hashchange, move |_| {
            let beside = Beside::open();
            if self.beside.get_untracked() != beside {
                self.beside.set(beside);
            }
            if beside.is_some() {
                return;
            }
            let open = reading::uuid(&browser::place());
            self.screen.maybe_update(|screen| match (screen.clone(), open) {
                (Screen::List(list), Some(id)) => {
                    *screen = list.open(id);
                    true
                }
                (Screen::Opened(opened), None) => {
                    *screen = opened.back();
                    true
                }
                (Screen::Opened(opened), Some(id)) if opened.id != id => {
                    *screen = Screen::Opened(Opened { id });
                    true
                }
                _ => false,
            });
        });
        on_cleanup(move || handle.remove());
    }

    /// What the person confirms in the extension's window, to its end; until then it can be cancelled.
    pub fn operate<T: Read + 'static>(self, begun: Result<Operation<T>, Trouble>) -> Asked<T> {
        Box::pin(async move {
            let operation = begun?;
            self.operation.set(Some(operation.id()));
            let ended = operation.end().await;
            self.operation.set(None);
            ended
        })
    }

    /// Back to the screen that was there before.
    pub fn leave_beside(self) {
        let open = self.screen.with_untracked(Screen::open);
        browser::go_to(&open.map(|id| id.to_string()).unwrap_or_default());
    }

    fn follow_rows(self) {
        let inside = Memo::new(move |_| self.screen.with(Screen::inside));
        dom::afterwards(Box::new(move || {
            if inside.get() {
                portal::live::follow(self);
            }
        }));
    }

    fn watch_workplace(self) {
        workstation::listen(move |notice| match notice {
            Notice::Tokens(tokens) => self.workplace.maybe_update(|workplace| match workplace {
                Workplace::Connected(_, known) if *known != tokens => {
                    *known = tokens;
                    true
                }
                _ => false,
            }),
            Notice::Progress(stage) => self.progress.set(Some(stage)),
            Notice::Disconnected(code) => self.workplace.set(Workplace::Missing(code)),
        });
        spawn_local(async move {
            // The content script runs before the page; only its first answer may be late.
            loop {
                if !matches!(self.workplace.get_untracked(), Workplace::Connected(..)) {
                    let found = look().await;
                    if self.workplace.with_untracked(|known| *known != found) {
                        self.workplace.set(found);
                    }
                }
                browser::sleep(LOOK_MS).await;
            }
        });
    }
}

async fn look() -> Workplace {
    if workstation::extension().is_none() {
        return Workplace::Missing(ErrorCode::ExtensionMissing);
    }
    let hello = match workstation::hello().await {
        Ok(hello) => hello,
        Err(trouble) => return Workplace::Missing(trouble.code),
    };
    match workstation::watch_tokens().await {
        Ok(tokens) => Workplace::Connected(hello, tokens),
        Err(trouble) => Workplace::Missing(trouble.code),
    }
}
