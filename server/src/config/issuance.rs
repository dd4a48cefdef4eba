//! What stands between a confirmed request and its certificate.

use super::reader::Reader;

/// Whose word a confirmed request needs before it is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Nobody's.
    Auto,
    /// An operator's.
    Operator,
}

/// What an application needs before a certificate can be requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// The code that was handed over in person with it.
    Code,
}

/// `issuance.approval` and `issuance.activation`. In production one of them is needed: whoever takes over a telephone
/// number has all of its text messages, and a certificate must not come of them alone.
pub(super) fn safeguards(reader: &mut Reader<'_>, production: bool) -> (Approval, Activation) {
    let approval = reader.parsed("issuance.approval", "auto", |text| match text {
        "auto" => Ok(Approval::Auto),
        "operator" => Ok(Approval::Operator),
        _ => Err("must be auto or operator"),
    });
    let activation = reader.parsed("issuance.activation", "none", |text| match text {
        "none" => Ok(Activation::None),
        "code" => Ok(Activation::Code),
        _ => Err("must be none or code"),
    });
    if production && approval == Approval::Auto && activation == Activation::None {
        reader.refuse(
            "issuance.activation",
            "sms_alone_in_production: must be code in production, or issuance.approval must be operator: text messages \
             can be hijacked, and alone they never suffice for a certificate",
        );
    }
    (approval, activation)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::config::{Settings, SettingsError};

    const PRODUCTION: &str = "environment = 'production'\n[server]\norigin = 'https://qcert.example'\n[sms.first]\nkind = 'http'\n\
        url = 'https://gateway.example/?to={{phone}}&text={{text}}'\n";

    #[test]
    fn in_production_text_messages_alone_never_suffice() {
        let read = |environment: &str, issuance: &str| {
            Settings::read(&format!("{environment}[issuance]\n{issuance}"), &BTreeMap::new())
        };
        for issuance in ["", "approval = 'auto'\nactivation = 'none'", "wait_seconds = 60\napprovals = 2"] {
            let SettingsError(errors) = read(PRODUCTION, issuance).unwrap_err();
            let told = errors.len() == 1 && errors[0].starts_with("issuance.activation: sms_alone_in_production:");
            assert!(told, "{issuance}: {errors:?}");
            assert!(read("", issuance).is_ok(), "{issuance}: not in production");
        }
        for issuance in ["approval = 'operator'", "activation = 'code'", "activation = 'code'\napproval = 'operator'"] {
            assert!(read(PRODUCTION, issuance).is_ok(), "{issuance}");
        }
    }

    #[test]
    fn a_word_that_nobody_knows_is_refused_and_taken_for_no_safeguard() {
        let file = format!("{PRODUCTION}[issuance]\nactivation = 'codes'");
        let SettingsError(errors) = Settings::read(&file, &BTreeMap::new()).unwrap_err();
        assert!(errors.iter().any(|error| error == "issuance.activation: must be none or code"), "{errors:?}");
        assert!(errors.iter().any(|error| error.contains("sms_alone_in_production")), "{errors:?}");
    }
}
