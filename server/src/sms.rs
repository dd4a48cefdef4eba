//! Text messages: their words, the durable queue, the sender.

pub mod connection;
pub mod gateway;
pub mod http;
pub mod outbox;
pub mod report;
pub mod sender;
pub mod smpp;

use std::fmt;

use qcert_protocol::KeyCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A text message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// When it was queued.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The phone, `+7…`.
    pub to: String,
    /// The words.
    pub text: String,
    /// False for a phone that nobody has: the message is thrown away when its turn comes.
    pub deliver: bool,
}

/// Without the phone and the words, which hold a password.
impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Message").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Message {
    /// For the sealed queue.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of texts, a time and a flag has no value that JSON cannot say.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads [`Self::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// `<text> <code>`, and as last line `@<domain> #<code>`, so that a phone or browser can fill it in (WebOTP).
pub fn with_password(text: &str, password: &str, domain: &str) -> String {
    format!("{text} {password}\n@{domain} #{password}")
}

/// The words of the first message.
pub fn sign_in_text(authority: &str) -> String {
    format!("{authority}: пароль для входа")
}

/// The words of the second message: they name the organisation (the person where there is none) and the key's code, so
/// that a page that swapped the request is found out.
pub fn confirmation_text(name: &str, key_code: &KeyCode) -> String {
    format!("Запрос сертификата: {name}. Код ключа {}. Пароль", key_code.as_str())
}

/// The words of the message that revokes: it names the organisation (the person where there is none) and the
/// certificate, and says that there is no way back.
pub fn revocation_text(name: &str, serial: &str) -> String {
    format!("Отзыв сертификата: {name}. Серийный номер {serial}. Отменить нельзя. Пароль")
}

/// The words that tell the old phone of a proposed one: it can still be stopped.
pub fn phone_change_text(number: &str, new: &str, support: &str) -> String {
    format!("Для заявления {number} указан новый телефон {new}. Если это сделали не вы, позвоните: {support}")
}

/// The words of an answer to a report of wrong data.
pub fn answer_text(number: &str, answer: &str) -> String {
    format!("Ответ на ваше сообщение об ошибке в заявлении {number}: {answer}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_with_the_line_that_browsers_read() {
        let text = with_password(&sign_in_text("УЦ"), "012345", "localhost");
        assert_eq!(text, "УЦ: пароль для входа 012345\n@localhost #012345");
    }
}
