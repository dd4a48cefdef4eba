//! Who revokes, and how: the holder with a password, an operator over HTTP, or an operator's command beside the servers.

use anyhow::{Context, Result};
use qcert_protocol::portal::CertificateView;
use serde_json::{Value, json};

use crate::{
    chance::Chance,
    holder::{Trouble, refused},
    http::{Connection, Question},
    installation::Installation,
};

/// Who revokes a holder's certificate once it was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Revoker {
    Nobody,
    Holder,
    Operator,
    Command,
}

impl Revoker {
    /// Most certificates are revoked, a third are not.
    pub(super) fn any(chance: &mut Chance) -> Self {
        match chance.below(12) {
            0..=3 => Self::Nobody,
            4..=7 => Self::Holder,
            8..=10 => Self::Operator,
            _ => Self::Command,
        }
    }
}

/// An operator who may revoke.
pub(super) struct Office<'a> {
    installation: &'a Installation,
    token: String,
}

impl<'a> Office<'a> {
    /// Adds the operator.
    pub(super) fn open(installation: &'a Installation) -> Result<Self> {
        let added = installation.run(&["operators", "add", "torturer", "--role", "revoker", "--json"])?;
        let added: Value = serde_json::from_str(&added).context("an operator is no JSON")?;
        let token = added["token"].as_str().context("an operator without a token")?.to_owned();
        Ok(Self { installation, token })
    }

    /// Revokes over HTTP.
    pub(super) fn revoke(&self, portal: &mut Connection, certificate: &CertificateView) -> Result<(), Trouble> {
        let path = format!("/api/v1/operator/certificates/{}/revocation", certificate.serial);
        let body = json!({"reason": "cessationOfOperation"}).to_string();
        let body = Some(("application/json", body.as_bytes()));
        let question = Question { method: "POST", path: &path, cookie: None, bearer: Some(&self.token), body };
        let answer = portal.ask(&question)?;
        if answer.status == 200 { Ok(()) } else { Err(refused(&path, answer.status, &answer.body)) }
    }

    /// Revokes by the command; one that fails may have revoked or not.
    pub(super) fn command(&self, certificate: &CertificateView) -> Result<(), Trouble> {
        let typed = ["certificates", "revoke", &certificate.serial, "--reason", "superseded", "--by", "torturer"];
        self.installation.run(&typed).map(drop).map_err(|error| Trouble::Lost(std::io::Error::other(error.to_string())))
    }
}
