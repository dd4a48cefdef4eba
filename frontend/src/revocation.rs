//! A holder has a certificate revoked: the reason, then the password that confirms exactly it. As in
//! [`crate::wizard`], a state is a type and a move consumes it.

use qcert_protocol::{ErrorCode, portal::RevocationReason};

use crate::trouble::Trouble;

/// Where the revocation of a certificate stands.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Revocation {
    /// Nobody asked for it.
    #[default]
    Idle,
    /// The reason is being chosen.
    Choosing(Choosing),
    /// The password is being ordered.
    Ordering(Ordering),
    /// The password is on its way or there; the row says when it is done.
    Entering(Entering),
}

/// The reason is being chosen.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Choosing {
    /// What is chosen.
    pub reason: Option<RevocationReason>,
    /// Why no password was sent for it.
    pub trouble: Option<Trouble>,
}

/// The password is being ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordering {
    /// What for.
    pub reason: RevocationReason,
}

/// The password is awaited.
#[derive(Clone, Debug, PartialEq)]
pub struct Entering {
    /// What it is good for.
    pub reason: RevocationReason,
}

/// What is on screen: it is built anew only when this changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// The reasons.
    Reasons,
    /// The password for a reason.
    Password(RevocationReason),
}

impl Revocation {
    /// `Отозвать сертификат`.
    pub fn begin(self) -> Self {
        match self {
            Self::Idle => Self::Choosing(Choosing::default()),
            begun => begun,
        }
    }

    /// `Отмена`. What is on its way to the portal is waited for.
    pub fn leave(self) -> Self {
        match self {
            Self::Ordering(ordering) => Self::Ordering(ordering),
            _ => Self::Idle,
        }
    }

    /// What is on screen.
    pub fn shown(&self) -> Shown {
        match self {
            Self::Idle => Shown::Nothing,
            Self::Choosing(_) | Self::Ordering(_) => Shown::Reasons,
            Self::Entering(entering) => Shown::Password(entering.reason),
        }
    }
}

impl Choosing {
    /// A reason was chosen; what was said of another does not hold for it.
    pub fn chosen(reason: RevocationReason) -> Self {
        Self { reason: Some(reason), trouble: None }
    }

    /// `Получить пароль`; nothing without a reason.
    pub fn order(self) -> Option<Ordering> {
        self.reason.map(|reason| Ordering { reason })
    }
}

impl Ordering {
    /// The portal sends it.
    pub fn ordered(self) -> Revocation {
        Revocation::Entering(Entering { reason: self.reason })
    }

    /// The portal does not send it. If one for the same reason went out a moment ago (`sent` is that one's), that one
    /// can be typed.
    pub fn refused(self, trouble: Trouble, sent: Option<RevocationReason>) -> Revocation {
        if trouble.code == ErrorCode::OtpResendTooEarly && sent == Some(self.reason) {
            return self.ordered();
        }
        Revocation::Choosing(Choosing { reason: Some(self.reason), trouble: Some(trouble) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: RevocationReason = RevocationReason::KeyCompromise;
    const REPLACED: RevocationReason = RevocationReason::Superseded;

    fn too_early() -> Trouble {
        Trouble { retry_after_seconds: Some(60), ..ErrorCode::OtpResendTooEarly.into() }
    }

    #[test]
    fn no_password_is_ordered_without_a_reason() {
        let Revocation::Choosing(choosing) = Revocation::Idle.begin() else { panic!() };
        assert_eq!(choosing.order(), None);
        assert_eq!(Choosing::chosen(LOST).order(), Some(Ordering { reason: LOST }));
    }

    #[test]
    fn a_password_that_was_sent_for_the_same_reason_can_be_typed() {
        let ordering = Ordering { reason: LOST };
        assert_eq!(ordering.refused(too_early(), Some(LOST)).shown(), Shown::Password(LOST));
    }

    #[test]
    fn a_password_that_was_sent_for_another_reason_is_not_asked_for() {
        let refused = Ordering { reason: LOST }.refused(too_early(), Some(REPLACED));
        let Revocation::Choosing(choosing) = refused else { panic!() };
        assert_eq!(choosing.trouble, Some(too_early()));
        assert_eq!(choosing.reason, Some(LOST));
        assert_eq!(Choosing::chosen(REPLACED).trouble, None);
    }

    #[test]
    fn an_order_that_is_refused_goes_back_to_the_reasons() {
        let refused = Ordering { reason: LOST }.refused(ErrorCode::RateLimited.into(), Some(LOST));
        assert_eq!(refused.shown(), Shown::Reasons);
    }

    #[test]
    fn it_can_be_left_but_not_while_an_order_is_on_its_way() {
        let ordering = Ordering { reason: LOST };
        assert_eq!(Revocation::Ordering(ordering.clone()).leave(), Revocation::Ordering(ordering.clone()));
        assert_eq!(ordering.ordered().leave(), Revocation::Idle);
        assert_eq!(Revocation::Idle.begin().leave(), Revocation::Idle);
    }
}
