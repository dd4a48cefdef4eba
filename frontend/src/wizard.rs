//! The wizard's states and the moves between them. Each state is a type, and a move consumes the one it leaves: what
//! is not written here cannot happen. Where an application stands is not kept here: the server says it, and
//! [`stage`] reads it.

use qcert_protocol::{
    ApplicationState,
    holder::Phone,
    portal::{ApplicationRow, CertificateView, RequestView},
};
use uuid::Uuid;

/// A step of the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `Авторизация`.
    SignIn,
    /// `Выбор сертификата`.
    Choice,
    /// `Получение сертификата`.
    Receiving,
    /// `Установка сертификата`.
    Installation,
    /// `Готово!`.
    Done,
}

impl Step {
    /// In the order of the bar.
    pub const ALL: [Self; 5] = [Self::SignIn, Self::Choice, Self::Receiving, Self::Installation, Self::Done];
}

/// What is on screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Screen {
    /// The portal is being asked who is signed in.
    Starting(Starting),
    /// Figure 1.
    EnterPhone(EnterPhone),
    /// Figures 2 and 3.
    EnterPassword(EnterPassword),
    /// Figure 4.
    List(List),
    /// Figures 5 to 12: one application.
    Opened(Opened),
}

/// The portal is being asked who is signed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Starting {
    /// The application that was open before the reload.
    pub open: Option<Uuid>,
}

/// Figure 1.
#[derive(Clone, Debug, PartialEq)]
pub struct EnterPhone {
    /// Where to go after signing in.
    pub open: Option<Uuid>,
    /// Did a session just end?
    pub session_ended: bool,
}

/// Figures 2 and 3.
#[derive(Clone, Debug, PartialEq)]
pub struct EnterPassword {
    /// Where the password was sent.
    pub phone: Phone,
    /// Where to go after signing in.
    pub open: Option<Uuid>,
}

/// Figure 4.
#[derive(Clone, Debug, PartialEq)]
pub struct List;

/// One application.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// Which one.
    pub id: Uuid,
}

impl Starting {
    /// Somebody is.
    pub fn signed_in(self) -> Screen {
        inside(self.open)
    }

    /// Nobody is; a password may be on its way to a phone since before the reload.
    pub fn nobody(self, ordered_for: Option<Phone>) -> Screen {
        match ordered_for {
            Some(phone) => Screen::EnterPassword(EnterPassword { phone, open: self.open }),
            None => Screen::EnterPhone(EnterPhone { open: self.open, session_ended: false }),
        }
    }
}

impl EnterPhone {
    /// A password was sent.
    pub fn password_ordered(self, phone: Phone) -> Screen {
        Screen::EnterPassword(EnterPassword { phone, open: self.open })
    }
}

impl EnterPassword {
    /// The number was mistyped.
    pub fn change_number(self) -> Screen {
        Screen::EnterPhone(EnterPhone { open: self.open, session_ended: false })
    }

    /// The password was right.
    pub fn signed_in(self) -> Screen {
        inside(self.open)
    }
}

impl List {
    /// A row was chosen.
    pub fn open(self, id: Uuid) -> Screen {
        Screen::Opened(Opened { id })
    }
}

impl Opened {
    /// `Вернуться к списку`.
    pub fn back(self) -> Screen {
        Screen::List(List)
    }
}

impl Screen {
    /// The portal said that nobody is signed in: back to the beginning, and to the same row afterwards.
    pub fn session_ended(self) -> Self {
        let open = self.open();
        match self {
            Self::EnterPhone(_) | Self::EnterPassword(_) => self,
            Self::Starting(starting) => starting.nobody(None),
            Self::List(_) | Self::Opened(_) => Self::EnterPhone(EnterPhone { open, session_ended: true }),
        }
    }

    /// The person signed out.
    pub fn signed_out(self) -> Self {
        Self::EnterPhone(EnterPhone { open: None, session_ended: false })
    }

    /// `продлить`: the row that takes the other's place.
    pub fn renewing(self, id: Uuid) -> Self {
        if self.inside() { Self::Opened(Opened { id }) } else { self }
    }

    /// Is somebody signed in?
    pub fn inside(&self) -> bool {
        matches!(self, Self::List(_) | Self::Opened(_))
    }

    /// The application that is open, or will be after signing in.
    pub fn open(&self) -> Option<Uuid> {
        match self {
            Self::Starting(Starting { open })
            | Self::EnterPhone(EnterPhone { open, .. })
            | Self::EnterPassword(EnterPassword { open, .. }) => *open,
            Self::List(_) => None,
            Self::Opened(opened) => Some(opened.id),
        }
    }

    /// The step that the bar marks; `row` is the application that is open.
    pub fn step(&self, row: Option<&ApplicationRow>) -> Step {
        match (self, row) {
            (Self::Starting(_) | Self::EnterPhone(_) | Self::EnterPassword(_), _) => Step::SignIn,
            (Self::List(_), _) | (Self::Opened(_), None) => Step::Choice,
            (Self::Opened(_), Some(row)) => stage(row).step(),
        }
    }
}

fn inside(open: Option<Uuid>) -> Screen {
    open.map_or(Screen::List(List), |id| Screen::Opened(Opened { id }))
}

/// Where one application stands, with what its screen needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Figures 5 to 8: the data are checked, the key pair is made.
    CheckData,
    /// Figure 9: the request waits for its password.
    Confirm(RequestView),
    /// Figure 10: the authority works.
    Waiting(ApplicationState),
    /// Figure 11: the certificate waits for its token.
    Install(RequestView, CertificateView),
    /// Figure 12.
    Installed(CertificateView),
    /// Rejected, expired or revoked: nothing more happens to it.
    Closed(ApplicationState),
}

/// Reads where an application stands from what the server says.
pub fn stage(row: &ApplicationRow) -> Stage {
    use ApplicationState::*;
    match (row.state, &row.request, &row.certificate) {
        (Preparing, Some(request), _) => Stage::Confirm(request.clone()),
        (Available | Withdrawn | Preparing, _, _) => Stage::CheckData,
        (ReadyToInstall, Some(request), Some(certificate)) => Stage::Install(request.clone(), certificate.clone()),
        (Installed, _, Some(certificate)) => Stage::Installed(certificate.clone()),
        (Sent | Issuing | ReadyToInstall | Installed, _, _) => Stage::Waiting(row.state),
        (Rejected | Expired | Revoked, _, _) => Stage::Closed(row.state),
    }
}

impl Stage {
    /// The step of the bar.
    pub fn step(&self) -> Step {
        match self {
            Self::CheckData | Self::Confirm(_) | Self::Waiting(_) => Step::Receiving,
            Self::Install(..) => Step::Installation,
            Self::Installed(_) => Step::Done,
            Self::Closed(_) => Step::Choice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::row;

    fn phone() -> Phone {
        Phone::parse("89222114545").unwrap()
    }

    #[test]
    fn a_session_that_ends_comes_back_to_the_same_row() {
        let id = Uuid::from_u128(7);
        let Screen::EnterPhone(asked) = Screen::Opened(Opened { id }).session_ended() else { panic!() };
        assert!(asked.session_ended);
        let Screen::EnterPassword(password) = asked.password_ordered(phone()) else { panic!() };
        assert_eq!(password.signed_in(), Screen::Opened(Opened { id }));
    }

    #[test]
    fn a_reload_while_the_password_is_on_its_way_stays_at_the_password() {
        let screen = Starting { open: None }.nobody(Some(phone()));
        assert!(matches!(screen, Screen::EnterPassword(_)));
    }

    #[test]
    fn changing_the_number_does_not_forget_where_to_go() {
        let id = Uuid::from_u128(7);
        let screen = EnterPassword { phone: phone(), open: Some(id) }.change_number();
        assert_eq!(screen.open(), Some(id));
    }

    #[test]
    fn signing_out_forgets_the_row() {
        assert_eq!(Screen::Opened(Opened { id: Uuid::nil() }).signed_out().open(), None);
    }

    #[test]
    fn a_renewal_opens_its_own_row_for_whoever_is_signed_in_still() {
        let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let opened = Screen::Opened(Opened { id: new });
        assert_eq!(Screen::List(List).renewing(new), opened);
        assert_eq!(Screen::Opened(Opened { id: old }).renewing(new), opened);
        let ended = Screen::List(List).session_ended();
        assert_eq!(ended.clone().renewing(new), ended);
    }

    #[test]
    fn the_server_s_state_says_which_step_it_is() {
        let opened = Screen::Opened(Opened { id: Uuid::from_u128(1) });
        for (state, step) in [
            ("available", Step::Receiving),
            ("sent", Step::Receiving),
            ("issuing", Step::Receiving),
            ("withdrawn", Step::Receiving),
            ("rejected", Step::Choice),
        ] {
            assert_eq!(opened.step(Some(&row("1", state, 0))), step, "{state}");
        }
        assert_eq!(opened.step(None), Step::Choice);
        assert_eq!(Screen::List(List).step(None), Step::Choice);
    }

    #[test]
    fn a_prepared_request_resumes_at_its_password_and_a_lost_one_at_the_data() {
        let mut row = row("1", "preparing", 1);
        assert_eq!(stage(&row), Stage::CheckData);
        row.request = serde_json::from_value(serde_json::json!({
            "id": Uuid::nil(), "keyCode": "ABCDE-FGHIJ", "keyId": "1".repeat(40),
            "container": "7@2013-04-11-x", "token": {"label": "", "serial": "1", "model": ""},
            "passwordOrdered": false, "resendAfterSeconds": 0,
        }))
        .unwrap();
        assert!(matches!(stage(&row), Stage::Confirm(_)));
    }
}
