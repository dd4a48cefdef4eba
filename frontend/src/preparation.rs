//! From `Получить сертификат` to the uploaded request (figures 6 to 9): the part that lives in the page and not on the
//! server. As in [`crate::wizard`], a state is a type and a move consumes it.

use qcert_protocol::{
    ContainerName, KeyId,
    portal::{ApplicationDetails, RenewedKey},
    workstation::{CreatedRequest, Token},
};

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
    /// CKA_LABEL of the pair to be made.
    pub container: ContainerName,
}

/// Figure 8.
#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    /// The token that was chosen.
    pub token: Token,
    /// CKA_LABEL of the pair.
    pub container: ContainerName,
    /// Which pair.
    pub pair: Pair,
}

/// The pair that signs the request.
#[derive(Clone, Debug, PartialEq)]
pub enum Pair {
    /// A new one, with what the sensor collected.
    New(Vec<u8>),
    /// What an earlier try left on the token.
    Left(KeyId),
}

/// The request is on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Uploading {
    /// The token that holds the pair.
    pub token: Token,
    /// CKA_LABEL of the pair.
    pub container: ContainerName,
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

/// The key that must vouch for the new one, where no operator has identified the holder.
pub fn vouching(details: &ApplicationDetails) -> Option<&RenewedKey> {
    details.renews.as_ref().filter(|_| !details.identified)
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
    pub fn chosen(self, token: Token, container: ContainerName) -> Preparation {
        Preparation::Sensing(Sensing { token, container })
    }

    /// `продолжить`: with the pair that an earlier try left.
    pub fn finish(self, token: Token, container: ContainerName, pair: KeyId) -> Making {
        Making { token, container, pair: Pair::Left(pair) }
    }
}

impl Sensing {
    /// Enough was collected.
    pub fn collected(self, sensor: Vec<u8>) -> Making {
        Making { token: self.token, container: self.container, pair: Pair::New(sensor) }
    }
}

impl Making {
    /// The pair is on the token, the request is signed.
    pub fn made(self, created: CreatedRequest) -> Uploading {
        Uploading { token: self.token, container: self.container, created }
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

    fn container() -> ContainerName {
        ContainerName::parse("7@2013-04-11-x").unwrap()
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
        let Preparation::Sensing(sensing) = Choosing.chosen(token(), container()) else { panic!() };
        let uploading = sensing.collected(vec![1]).made(created());
        let first = uploading.clone();
        let Preparation::NotUploaded(kept) = uploading.refused(ErrorCode::PortalUnavailable.into()) else { panic!() };
        assert_eq!(kept.retry(), first);
    }

    #[test]
    fn a_new_beginning_does_not_forget_a_pair_that_waits_for_its_upload() {
        let uploading = Uploading { token: token(), container: container(), created: created() };
        let waiting = uploading.refused(ErrorCode::Internal.into());
        assert_eq!(waiting.clone().begin(), waiting);
        assert_eq!(Preparation::Failed(ErrorCode::Cancelled.into()).begin(), Preparation::Choosing(Choosing));
    }

    #[test]
    fn a_pair_that_was_left_is_asked_for_again_under_its_own_name() {
        let [key, name] = ["1".repeat(40), "7@2012-12-31-x".to_owned()];
        let (key, name) = (KeyId::parse(&key).unwrap(), ContainerName::parse(&name).unwrap());
        let making = Choosing.finish(token(), name.clone(), key.clone());
        assert_eq!(making.pair, Pair::Left(key));
        assert_eq!(making.made(created()).container, name);
    }

    #[test]
    fn the_old_key_vouches_where_no_operator_has() {
        let details = |identified: bool, renews: bool| -> ApplicationDetails {
            let renewed = json!({
                "keyId": "1".repeat(40), "token": {"label": "l", "serial": "1", "model": "m"},
                "notAfter": "2027-11-22T19:13:00Z", "nonce": "AAAA",
            });
            let mut details = json!({
                "row": serde_json::to_value(crate::rows::tests::row("7", "available", 0)).unwrap(),
                "data": {
                    "kind": "person", "surname": "Иванов", "givenName": "Иван", "country": "RU",
                    "region": "66 Свердловская область", "locality": "Екатеринбург", "email": "direktor@e.ru",
                    "snils": "07500122105", "innPerson": "500100732259",
                },
                "certificateType": "qualified", "container": "7@2013-04-11-x", "identified": identified,
                "activation": "notNeeded", "mistakes": [],
            });
            if renews {
                details["renews"] = renewed;
            }
            serde_json::from_value(details).unwrap()
        };
        assert!(vouching(&details(false, true)).is_some());
        assert!(vouching(&details(true, true)).is_none(), "an operator's word is enough");
        assert!(vouching(&details(false, false)).is_none());
    }
}
