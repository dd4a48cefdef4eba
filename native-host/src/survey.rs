//! What is plugged in by the module of this process: readers, tokens, and what can be seen on a token without a PIN.

mod containers;

use std::sync::Arc;

use cryptoki::{
    session::UserType,
    slot::{Slot, TokenInfo},
};
use qcert_protocol::{
    ErrorCode, Pin,
    portal::TokenName,
    workstation::{
        Carrier, Failure, Module as ModuleView, PinState, Reader, Token, TokenDetails, TokenId, Tokens, TriesLeft,
    },
};
use sha2::{Digest, Sha256};

use crate::{
    carrier::carrier,
    failure::failure,
    module::{Loader, Module},
    stored,
};

/// A token, and how to reach it.
#[derive(Clone)]
pub struct Found {
    /// The module that shows it.
    pub module: Arc<Module>,
    /// Its reader.
    pub slot: Slot,
    /// What a person sees of it.
    pub token: Token,
}

impl Found {
    /// A PKCS#11 error of this token, in the words of the protocol.
    pub fn failure(&self, error: &cryptoki::error::Error, otherwise: ErrorCode) -> Failure {
        let failure = failure(&self.module.name, error, otherwise);
        // Modules say that a token is gone in many ways; CKR_DEVICE_ERROR and CKR_GENERAL_ERROR are among them.
        if failure.code == otherwise && !self.is_there() {
            return Failure { code: ErrorCode::TokenRemoved, ..failure };
        }
        failure
    }

    /// Is the same token still in its reader?
    pub fn is_there(&self) -> bool {
        let info = self.module.pkcs11.get_token_info(self.slot);
        info.is_ok_and(|info| token_id(&self.module, self.slot, &info) == self.token.id)
    }

    /// What the token's flags say of further tries now, for its user or its administrator.
    pub fn tries_left(&self, who: UserType) -> Option<TriesLeft> {
        let tries = match who {
            UserType::So => administrators_tries,
            _ => tries_left,
        };
        self.module.pkcs11.get_token_info(self.slot).ok().map(|info| tries(&info))
    }
}

/// What is plugged in at one moment.
#[derive(Default)]
pub struct Survey {
    /// As the protocol tells it. What is missing is not known here: another module may have it.
    pub tokens: Tokens,
    /// The tokens that can be reached.
    pub found: Vec<Found>,
}

/// Asks the module.
pub fn survey(loader: &Loader) -> Survey {
    let mut survey = Survey::default();
    match loader.module() {
        Ok(module) => survey.add(&module),
        Err(failure) => {
            let module = ModuleView { name: loader.name(), description: None, error: Some(failure.code) };
            survey.tokens.modules.push(module);
        }
    }
    survey
}

/// The token of this name. Readers after its own are not looked at: a token may take its time to answer.
///
/// # Errors
/// `token_removed`: the name was good when the person chose it.
pub fn find(loader: &Loader, id: &TokenId) -> Result<Found, Failure> {
    let module = loader.module().map_err(|_| ErrorCode::TokenRemoved)?;
    let slots = module.pkcs11.get_all_slots().unwrap_or_default().into_iter();
    let mut found = slots.filter_map(|slot| {
        let token = look(&module, slot)?.token?;
        Some(Found { module: module.clone(), slot, token })
    });
    found.find(|found| found.token.id == *id).ok_or_else(|| ErrorCode::TokenRemoved.into())
}

impl Survey {
    fn add(&mut self, module: &Arc<Module>) {
        let slots = module.pkcs11.get_all_slots();
        let error = slots.as_ref().err().map(|_| ErrorCode::ModuleFailed);
        let description = Some(module.description.clone());
        self.tokens.modules.push(ModuleView { name: module.name.clone(), description, error });
        for slot in slots.unwrap_or_default() {
            let Some(reader) = look(module, slot) else { continue };
            let token = reader.token.iter().cloned();
            self.found.extend(token.map(|token| Found { module: module.clone(), slot, token }));
            self.tokens.readers.push(reader);
        }
    }
}

/// None for a reader that was unplugged since the slots were listed, and for one that no reader stands behind.
fn look(module: &Module, slot: Slot) -> Option<Reader> {
    let reader = module.pkcs11.get_slot_info(slot).ok()?;
    let info = reader.token_present().then(|| module.pkcs11.get_token_info(slot).ok()).flatten();
    // SoftHSM always shows one more slot, with a token that waits to be initialised.
    if info.as_ref().is_some_and(|info| info.model().trim() == "SoftHSM v2" && !info.token_initialized()) {
        return None;
    }
    let token = info.map(|info| describe(module, slot, &info));
    Some(Reader { name: reader.slot_description().trim().to_owned(), module: module.name.clone(), token })
}

fn describe(module: &Module, slot: Slot, info: &TokenInfo) -> Token {
    let text = |text: &str| text.trim_matches(['\0', ' ']).to_owned();
    Token {
        id: token_id(module, slot, info),
        name: TokenName { label: text(info.label()), serial: text(info.serial_number()), model: text(info.model()) },
        pin: PinState {
            tries: tries_left(info),
            to_be_changed: info.user_pin_to_be_changed(),
            pad: info.protected_authentication_path(),
            min_length: u32::try_from(info.min_pin_length()).unwrap_or(0),
            max_length: longest_pin(info),
        },
        unsuitable: unsuitable(info),
        // A token that does not say what it can do may be able to do all of it.
        carrier: module.pkcs11.get_mechanism_list(slot).ok().and_then(|mechanisms| carrier(&mechanisms)),
    }
}

/// A name that says nothing to the page and is another one as soon as another token is in the reader.
fn token_id(module: &Module, slot: Slot, info: &TokenInfo) -> TokenId {
    let mut digest = Sha256::new();
    for part in [module.path.as_os_str().as_encoded_bytes(), &slot.id().to_be_bytes(), info.serial_number().as_bytes()]
    {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    TokenId(digest.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Some modules say 0, which stands for "no limit" elsewhere in CK_TOKEN_INFO.
fn longest_pin(info: &TokenInfo) -> u32 {
    let told = Some(info.max_pin_length()).filter(|length| *length > 0);
    told.unwrap_or(Pin::MAX_BYTES).min(Pin::MAX_BYTES) as u32
}

fn tries_left(info: &TokenInfo) -> TriesLeft {
    tries(info.user_pin_locked(), info.user_pin_final_try(), info.user_pin_count_low())
}

fn administrators_tries(info: &TokenInfo) -> TriesLeft {
    tries(info.so_pin_locked(), info.so_pin_final_try(), info.so_pin_count_low())
}

fn tries(locked: bool, last: bool, low: bool) -> TriesLeft {
    match (locked, last, low) {
        (true, _, _) => TriesLeft::None,
        (_, true, _) => TriesLeft::Final,
        (_, _, true) => TriesLeft::Low,
        _ => TriesLeft::Full,
    }
}

fn unsuitable(info: &TokenInfo) -> Option<ErrorCode> {
    let full = info.free_public_memory() == Some(0) && info.total_public_memory().is_some_and(|total| total > 0);
    if info.error_state() {
        Some(ErrorCode::ModuleFailed)
    } else if !info.token_initialized() || !info.user_pin_initialized() {
        Some(ErrorCode::TokenUnsuitable)
    } else if info.user_pin_locked() {
        Some(ErrorCode::PinLocked)
    } else {
        full.then_some(ErrorCode::TokenFull)
    }
}

/// Everything that a token shows without a PIN.
///
/// # Errors
/// `token_removed` or `module_failed`.
pub fn details(found: &Found) -> Result<TokenDetails, Failure> {
    let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
    let pkcs11 = &found.module.pkcs11;
    let info = pkcs11.get_token_info(found.slot).map_err(failed)?;
    let mechanisms = pkcs11.get_mechanism_list(found.slot).map_err(failed)?;
    let _reading = found.module.reading();
    let session = pkcs11.open_ro_session(found.slot).map_err(failed)?;
    let stored = stored::public_halves(&session).map_err(failed)?;
    let mut token = describe(&found.module, found.slot, &info);
    if token.carrier.is_some() && !stored.is_empty() {
        // It lists that it signs, and took no key to sign with.
        token.carrier = Some(Carrier::Stores);
    }
    Ok(TokenDetails {
        token,
        manufacturer: info.manufacturer_id().trim().to_owned(),
        firmware: format!("{}.{}", info.firmware_version().major(), info.firmware_version().minor()),
        free_memory: info.free_public_memory().map(|bytes| bytes as u64),
        mechanisms: mechanisms.iter().map(ToString::to_string).collect(),
        containers: containers::containers(&session, stored).map_err(failed)?,
    })
}
