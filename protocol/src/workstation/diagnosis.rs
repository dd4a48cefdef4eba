//! What the host found out about its own side of the workstation: answer to `diagnose`, list of `qcert-host doctor`, and
//! the host's share of a support bundle.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// Parameters of [`super::Command::Diagnose`]. Both are the person's to allow before they leave the workstation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Diagnose {
    /// Labels and serial numbers of tokens ([`Check::name`]).
    pub names: bool,
    /// The last lines of the host's log.
    pub log: bool,
}

/// Answer to [`super::Command::Diagnose`]. The person's home stands in it as `~`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// The host's own version.
    pub host_version: String,
    /// The protocol that the host speaks, `major.minor`.
    pub protocol: String,
    /// The host's program.
    pub program: String,
    /// The system it runs on.
    pub system: System,
    /// One for each part, in the order from the browser to the token and the store.
    pub checks: Vec<Check>,
    /// Last lines of the host's log, oldest first; empty unless they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// An operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct System {
    /// Which packages it takes.
    pub packages: Packages,
    /// What it calls itself: PRETTY_NAME of `os-release`.
    pub name: String,
}

/// A kind of package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Packages {
    /// `.deb`
    Debian,
    /// `.rpm`
    Rpm,
    /// Windows' own.
    Windows,
    /// None that is known.
    Other,
}

/// What was found out about one part, or about one of several of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Which part.
    pub part: CheckedPart,
    /// Which one of its kind, and what it is: a version, a file, a model.
    pub subject: String,
    /// What may name a person: a token's label and serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it is.
    pub state: CheckState,
    /// What is wrong, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// What is wrong, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Words>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Words>,
}

/// The parts of a workstation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckedPart {
    /// A browser.
    Browser,
    /// The browser's extension.
    Extension,
    /// The native messaging host.
    Host,
    /// The host's configuration, and the sites that it allows.
    Configuration,
    /// The host's registration with a browser.
    Registration,
    /// A PKCS#11 module.
    Module,
    /// A reader.
    Reader,
    /// A token.
    Token,
    /// The person's certificate store.
    Store,
    /// The clock, beside the portal's.
    Clock,
}

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckState {
    /// It works.
    Ok,
    /// One can work, but something is wrong with it, or will be.
    Warning,
    /// It keeps the person from working.
    Missing,
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Words {
    /// In Russian.
    pub ru: String,
    /// In English.
    pub en: String,
}
