//! From `Получить сертификат` to the uploaded request (figures 6 to 9): the part that lives in the page and not on the
//! server. As in [`crate::wizard`], a state is a type and a move consumes it.

use qcert_protocol::workstation::{CreatedRequest, Token};

use crate::trouble::Trouble;

/// Where the making of a request stands.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Preparation {
    /// Nothing was begun, or it ended; why, if it failed.
    #[default]
    Idle,
    /// It ended without a key pair.
    Failed(Trouble),
    /// Figure 6.
    Choosing(Choosing),
    /// Figure 7.
    Sensing(Sensing),
    /// Figure 8: the extension's window asks, the token works.
    Making(Making),
    /// The request is on its way to the portal.
    Uploading(Uploading),
    /// The portal did not take it; the pair is on the token.
    NotUploaded(NotUploaded),
}

/// Figure 6.
#[derive(Clone, Debug, PartialEq)]
pub struct Choosing;

/// Figure 7.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensing {
    /// The token that was chosen.
    pub token: Token,
}

/// Figure 8.
#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    /// The token that was chosen.
    pub token: Token,
    /// What the sensor collected.
    pub sensor: Vec<u8>,
}

/// The request is on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Uploading {
    /// The token that holds the pair.
    pub token: Token,
    /// What the host made.
    pub created: CreatedRequest,
}

/// The portal did not take it.
#[derive(Clone, Debug, PartialEq)]
pub struct NotUploaded {
    /// What is kept for another try, or for removal.
    pub kept: Uploading,
    /// Why.
    pub trouble: Trouble,
}

impl Preparation {
    /// `Получить сертификат`. Only where nothing is under way: a pair that waits for its upload is not forgotten.
    pub fn begin(self) -> Self {
        match self {
            Self::Idle | Self::Failed(_) => Self::Choosing(Choosing),
            busy => busy,
        }
    }
}

impl Choosing {
    /// `ОК`.
    pub fn chosen(self, token: Token) -> Preparation {
        Preparation::Sensing(Sensing { token })
    }
}

impl Sensing {
    /// Enough was collected.
    pub fn collected(self, sensor: Vec<u8>) -> Making {
        Making { token: self.token, sensor }
    }
}

impl Making {
    /// The pair is on the token, the request is signed.
    pub fn made(self, created: CreatedRequest) -> Uploading {
        Uploading { token: self.token, created }
    }

    /// It was cancelled or failed: the host removed what it made.
    pub fn failed(self, trouble: Trouble) -> Preparation {
        Preparation::Failed(trouble)
    }
}

impl Uploading {
    /// The portal has it; the row says the rest.
    pub fn taken(self) -> Preparation {
        Preparation::Idle
    }

    /// The portal did not take it.
    pub fn refused(self, trouble: Trouble) -> Preparation {
        Preparation::NotUploaded(NotUploaded { kept: self, trouble })
    }
}

impl NotUploaded {
    /// Once more, with the same request.
    pub fn retry(self) -> Uploading {
        self.kept
    }

    /// The pair was removed from the token.
    pub fn removed(self) -> Preparation {
        Preparation::Idle
    }
}

#[cfg(test)]
mod tests {
    use qcert_protocol::ErrorCode;
    use serde_json::json;

    use super::*;

    fn token() -> Token {
        serde_json::from_value(json!({
            "id": "a", "name": {"label": "l", "serial": "1", "model": "m"},
            "pin": {"tries": "full", "toBeChanged": false, "pad": false, "minLength": 4, "maxLength": 32},
        }))
        .unwrap()
    }

    fn created() -> CreatedRequest {
        serde_json::from_value(json!({
            "certificationRequest": "AAAA", "keyId": "1".repeat(40), "keyCode": "ABCDE-FGHIJ",
            "token": {"label": "l", "serial": "1", "model": "m"}, "sensorTaken": true,
        }))
        .unwrap()
    }

    #[test]
    fn a_request_that_did_not_arrive_is_kept_and_sent_again_unchanged() {
        let Preparation::Sensing(sensing) = Choosing.chosen(token()) else { panic!() };
        let uploading = sensing.collected(vec![1]).made(created());
        let first = uploading.clone();
        let Preparation::NotUploaded(kept) = uploading.refused(ErrorCode::PortalUnavailable.into()) else { panic!() };
        assert_eq!(kept.retry(), first);
    }

    #[test]
    fn a_new_beginning_does_not_forget_a_pair_that_waits_for_its_upload() {
        let waiting = Uploading { token: token(), created: created() }.refused(ErrorCode::Internal.into());
        assert_eq!(waiting.clone().begin(), waiting);
        assert_eq!(Preparation::Failed(ErrorCode::Cancelled.into()).begin(), Preparation::Choosing(Choosing));
    }
}
