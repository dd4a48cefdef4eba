//! Errors of PKCS#11 become [`Failure`]s: a code that a person's words are keyed by, and for the support the name of
//! the module and of the CKR_* value. Never more: neither a PIN nor a holder's data can get in.

use cryptoki::error::{Error, RvError};
use qcert_protocol::{ErrorCode, workstation::Failure};

/// A PKCS#11 error in the words of the protocol. `otherwise` is the code for values that say nothing by themselves.
pub fn failure(module: &str, error: &Error, otherwise: ErrorCode) -> Failure {
    let code = code_of(error).unwrap_or(otherwise);
    Failure { code, tries_left: None, detail: Some(format!("{module}: {}", name_of(error))) }
}

/// The code of a value that means the same in every call.
fn code_of(error: &Error) -> Option<ErrorCode> {
    let Error::Pkcs11(value, _) = error else { return None };
    Some(match value {
        RvError::DeviceRemoved
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::SlotIdInvalid
        | RvError::SessionHandleInvalid
        | RvError::SessionClosed => ErrorCode::TokenRemoved,
        RvError::DeviceMemory => ErrorCode::TokenFull,
        RvError::PinIncorrect => ErrorCode::PinIncorrect,
        RvError::PinLocked => ErrorCode::PinLocked,
        RvError::PinLenRange | RvError::PinInvalid | RvError::PinTooWeak => ErrorCode::PinLengthInvalid,
        // The token lets nothing pass but a change of the PIN.
        RvError::PinExpired => ErrorCode::PinFactory,
        // On a reader with its own PIN pad the person pressed its red button.
        RvError::FunctionCanceled | RvError::FunctionRejected => ErrorCode::Cancelled,
        RvError::MechanismInvalid
        | RvError::CurveNotSupported
        | RvError::DomainParamsInvalid
        | RvError::KeySizeRange
        | RvError::UserPinNotInitialized
        | RvError::TokenWriteProtected => ErrorCode::TokenUnsuitable,
        _ => return None,
    })
}

/// `CKR_DEVICE_REMOVED`, as the standard writes it.
fn name_of(error: &Error) -> String {
    match error {
        Error::Pkcs11(RvError::VendorDefined(value) | RvError::UnknownErrorCode(value), _) => format!("CKR {value:#x}"),
        Error::Pkcs11(value, _) => {
            let mut name = "CKR".to_owned();
            for letter in format!("{value:?}").chars() {
                if letter.is_uppercase() {
                    name.push('_');
                }
                name.push(letter.to_ascii_uppercase());
            }
            name
        }
        Error::LibraryLoading(_) => "not loadable".to_owned(),
        Error::MissingSymbol(_) => "not a PKCS#11 module".to_owned(),
        Error::NullFunctionPointer | Error::NotSupported => "function missing".to_owned(),
        _ => "answer not understood".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    fn of(value: RvError) -> Failure {
        failure("softhsm2", &Error::Pkcs11(value, Function::Sign), ErrorCode::SigningFailed)
    }

    #[test]
    fn a_value_is_named_as_the_standard_writes_it() {
        assert_eq!(of(RvError::SlotIdInvalid).detail.unwrap(), "softhsm2: CKR_SLOT_ID_INVALID");
        assert_eq!(of(RvError::VendorDefined(0x8000_0011)).detail.unwrap(), "softhsm2: CKR 0x80000011");
    }

    #[test]
    fn a_token_that_is_gone_is_told_in_every_way_modules_say_it() {
        for value in [
            RvError::DeviceRemoved,
            RvError::TokenNotPresent,
            RvError::SlotIdInvalid,
            RvError::SessionHandleInvalid,
            RvError::SessionClosed,
        ] {
            assert_eq!(of(value).code, ErrorCode::TokenRemoved);
        }
    }

    #[test]
    fn a_value_that_says_nothing_takes_the_code_of_the_step() {
        assert_eq!(of(RvError::GeneralError).code, ErrorCode::SigningFailed);
        assert_eq!(of(RvError::DeviceMemory).code, ErrorCode::TokenFull);
    }
}
