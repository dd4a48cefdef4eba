//! Settings of text messages: how they leave, and how long is kept what became of them.

mod http;
mod smpp;

use std::{path::PathBuf, time::Duration};

use super::{
    keys::{SecretSource, secret},
    reader::Reader,
};
pub use http::{Answer, Http, Report, Statuses};
pub use smpp::{ReceiptId, Smpp};

/// `[sms]`
#[derive(Clone, Debug)]
pub struct Sms {
    /// `sms.outbox`: where text messages are appended, one JSON object a line.
    pub outbox: PathBuf,
    /// `sms.keep_days`: how long is kept what became of a message; its text goes when it has gone.
    pub kept: time::Duration,
    /// `[sms.first]` and `[sms.second]`, in their order.
    pub gateways: Vec<Gateway>,
}

impl Sms {
    /// The gateway with this name.
    pub fn gateway(&self, name: &str) -> Option<&Gateway> {
        self.gateways.iter().find(|gateway| gateway.name == name)
    }
}

/// A gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// `first` or `second`.
    pub name: &'static str,
    /// `kind`: how messages are handed to it.
    pub way: Way,
    /// `timeout_seconds`: how long an answer may take.
    pub timeout: Duration,
    /// `ca_file`: whose certificates it shows, in place of those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// `secret_file` or `secret_credential`: its password.
    pub secret: Option<SecretSource>,
}

/// How messages are handed over.
#[derive(Clone, Debug)]
pub enum Way {
    /// Appended to `sms.outbox`.
    Outbox,
    /// By HTTP.
    Http(Box<Http>),
    /// By SMPP.
    Smpp(Smpp),
}

/// `[sms]`
pub(super) fn sms(reader: &mut Reader<'_>, production: bool) -> Sms {
    let first = gateway(reader, "first", "outbox", production);
    let second = gateway(reader, "second", "", production);
    Sms {
        outbox: reader.path("sms.outbox", "data/sms.jsonl"),
        kept: time::Duration::days(reader.integer("sms.keep_days", 90, 1..=3650)),
        gateways: first.into_iter().chain(second).collect(),
    }
}

fn gateway(reader: &mut Reader<'_>, name: &'static str, default: &str, production: bool) -> Option<Gateway> {
    let key = |key: &str| format!("sms.{name}.{key}");
    let may_be_none = default.is_empty();
    let kind = reader.parsed(&key("kind"), default, |text| match text {
        "" if !may_be_none => Err("must be outbox, http or smpp"),
        "" | "outbox" | "http" | "smpp" => Ok(text.to_owned()),
        _ => Err("must be outbox, http or smpp"),
    });
    let timeout = reader.integer(&key("timeout_seconds"), 20, 1..=120).unsigned_abs();
    let ca_file = Some(reader.path(&key("ca_file"), "")).filter(|path| !path.as_os_str().is_empty());
    let secret = secret(reader, &key("secret_file"), &key("secret_credential"));
    let http = http::http(reader, name, kind == "http", secret.is_some());
    let smpp = smpp::smpp(reader, name, kind == "smpp", secret.is_some());
    if kind == "outbox" && production {
        reader.refuse(
            &key("kind"),
            "sms_outbox_in_production: must not be outbox in production, where text messages in a file reach nobody",
        );
    }
    let way = match kind.as_str() {
        "outbox" => Way::Outbox,
        "http" => Way::Http(Box::new(http)),
        "smpp" => Way::Smpp(smpp),
        _ => return None,
    };
    Some(Gateway { name, way, timeout: Duration::from_secs(timeout), ca_file, secret })
}
