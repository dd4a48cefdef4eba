//! Settings of a gateway that speaks SMPP 3.4.

use std::time::Duration;

use crate::config::reader::Reader;

/// A gateway that speaks SMPP 3.4.
#[derive(Clone, Debug)]
pub struct Smpp {
    /// `address`: its host.
    pub host: String,
    /// `address`: its port.
    pub port: u16,
    /// `tls`
    pub tls: bool,
    /// `system_id`: who we are.
    pub system_id: String,
    /// `system_type`
    pub system_type: String,
    /// `source`: the sender that people see; its type of number and numbering plan.
    pub source: (String, u8, u8),
    /// `window`: how many messages, or parts, may wait for their answers at once.
    pub window: usize,
    /// `enquire_link_seconds`: how often a connection is asked whether it lives.
    pub enquire_link: Duration,
    /// `receipt_id`
    pub receipt_id: ReceiptId,
}

/// How a receipt writes the name that the answer gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptId {
    /// As it is.
    Same,
    /// In decimal, where the answer has hexadecimal.
    Decimal,
    /// In hexadecimal, where the answer has decimal.
    Hexadecimal,
}

/// The settings of gateway `name`; what a gateway of this kind cannot do without is asked for if it `is_used`.
pub(super) fn smpp(reader: &mut Reader<'_>, name: &str, is_used: bool, has_secret: bool) -> Smpp {
    let key = |key: &str| format!("sms.{name}.{key}");
    let (host, port) = reader.parsed(&key("address"), "", |text| match text.rsplit_once(':') {
        None if text.is_empty() => Ok((String::new(), 0)),
        Some((host, port)) if !host.is_empty() => port.parse().map(|port| (host.to_owned(), port)).map_err(|_| PLACE),
        _ => Err(PLACE),
    });
    if is_used && host.is_empty() {
        reader.refuse(&key("address"), "must be set");
    }
    if is_used && !has_secret {
        reader.refuse(&key("secret_file"), "must be set, or secret_credential");
    }
    let system_id = word(reader, &key("system_id"), 15);
    if is_used && system_id.is_empty() {
        reader.refuse(&key("system_id"), "must be set");
    }
    let byte = |number: i64| u8::try_from(number).unwrap_or(0);
    Smpp {
        host,
        port,
        tls: reader.parsed(&key("tls"), "on", |text| match text {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("must be on or off"),
        }),
        system_id,
        system_type: word(reader, &key("system_type"), 12),
        source: (
            word(reader, &key("source"), 20),
            byte(reader.integer(&key("source_ton"), 5, 0..=6)),
            byte(reader.integer(&key("source_npi"), 0, 0..=18)),
        ),
        window: usize::try_from(reader.integer(&key("window"), 10, 1..=1000)).unwrap_or(1),
        enquire_link: Duration::from_secs(reader.integer(&key("enquire_link_seconds"), 30, 1..=600).unsigned_abs()),
        receipt_id: reader.parsed(&key("receipt_id"), "same", |text| match text {
            "same" => Ok(ReceiptId::Same),
            "decimal" => Ok(ReceiptId::Decimal),
            "hexadecimal" => Ok(ReceiptId::Hexadecimal),
            _ => Err("must be same, decimal or hexadecimal"),
        }),
    }
}

const PLACE: &str = "must be a host and a port, as smpp.example:2775";

/// Text of a field of SMPP, which is ASCII and of limited length.
fn word(reader: &mut Reader<'_>, key: &str, longest: usize) -> String {
    reader.parsed(key, "", |text| {
        let fits = text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        fits.then(|| text.to_owned()).ok_or("must be ASCII, and no longer than the field of SMPP")
    })
}
