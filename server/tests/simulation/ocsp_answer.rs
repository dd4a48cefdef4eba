//! An answer about certificates' states (RFC 6960 §4.2.1), read without any code of the server's that wrote it.

/// What is said of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Good,
    /// Since when, as GeneralizedTime is written, and the CRLReason if there is one.
    Revoked(String, Option<u8>),
    Unknown,
}

/// An answer that is no refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    /// Serial number, upper-case hexadecimal, and what is said of it, in the answer's order.
    pub states: Vec<(String, State)>,
    /// `ResponseData`, DER.
    pub to_be_signed: Vec<u8>,
    pub signature: Vec<u8>,
    /// The responder's certificate, DER.
    pub responder: Vec<u8>,
}

/// One value: its tag, what is in it, and all of it.
#[derive(Clone, Copy)]
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

/// The values of these bytes, one after the other.
fn values(mut bytes: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (head, length) = match *bytes.get(1)? {
            short @ 0..=0x7f => (2, usize::from(short)),
            0x81 => (3, usize::from(*bytes.get(2)?)),
            0x82 => (4, usize::from(*bytes.get(2)?) << 8 | usize::from(*bytes.get(3)?)),
            _ => return None,
        };
        let whole = bytes.get(..head + length)?;
        all.push(Value { tag: bytes[0], content: &whole[head..], whole });
        bytes = &bytes[whole.len()..];
    }
    Some(all)
}

/// The only value of these bytes.
fn only(bytes: &[u8]) -> Option<Value<'_>> {
    let mut all = values(bytes)?;
    let last = all.pop()?;
    all.is_empty().then_some(last)
}

/// Reads an answer; `Some(None)` if it is a refusal, `None` if it is nothing of the kind.
pub fn read(der: &[u8]) -> Option<Option<Read>> {
    let response = values(only(der)?.content)?;
    match (response.first()?.content, response.get(1)) {
        ([0], Some(bytes)) => Some(Some(successful(bytes.content)?)),
        ([1..=6], None) => Some(None),
        _ => None,
    }
}

fn successful(response_bytes: &[u8]) -> Option<Read> {
    let of_a_kind = values(only(response_bytes)?.content)?;
    let basic = values(only(of_a_kind.get(1)?.content)?.content)?;
    let [data, _, signature, certificates] = basic.as_slice() else { return None };
    let single = values(data.content)?.into_iter().find(|value| value.tag == 0x30)?;
    let states = values(single.content)?.iter().map(|one| state(one.content)).collect::<Option<_>>()?;
    let responder = only(only(certificates.content)?.content)?;
    Some(Read {
        states,
        to_be_signed: data.whole.to_vec(),
        signature: signature.content.get(1..)?.to_vec(),
        responder: responder.whole.to_vec(),
    })
}

fn state(single: &[u8]) -> Option<(String, State)> {
    let parts = values(single)?;
    let serial = values(parts.first()?.content)?.get(3)?.content;
    let said = parts.get(1)?;
    let state = match said.tag {
        0x80 => State::Good,
        0x82 => State::Unknown,
        0xa1 => {
            let revoked = values(said.content)?;
            let at = std::str::from_utf8(revoked.first()?.content).ok()?.to_owned();
            let reason = revoked.get(1).and_then(|reason| only(reason.content)?.content.first().copied());
            State::Revoked(at, reason)
        }
        _ => return None,
    };
    Some((serial.iter().map(|octet| format!("{octet:02X}")).collect(), state))
}
