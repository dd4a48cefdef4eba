//! Settings: embedded defaults, then the file, then environment variables `QCERT__SECTION__KEY`. What nobody knows is
//! refused, and everything that is wrong is said at once.

mod audit;
mod database;
mod issuance;
mod keys;
mod operations;
mod reader;
mod server;
mod sms;
mod workstation;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use qcert_pki::{Algorithm, AuthorityName, IssuerSignTool, ToolClass};
use qcert_protocol::{
    KeyAlgorithm,
    holder::{Country, InnLegalEntity, Ogrn, Region, Text},
    portal::PackageLinks,
};
use ring::digest;
use time::Duration;

use crate::publication::lists::MAX_SHARDS;
pub use audit::Audit;
pub use database::DatabaseUrl;
pub use issuance::{Activation, Approval};
pub use keys::{Hsm, SecretSource};
pub use operations::{Log, LogFormat};
use reader::Reader;
pub use server::{ProxyHeader, Server, TlsFiles, TrustedProxies, host, is_local};
pub use sms::{
    Answer as HttpAnswer, Gateway as GatewaySettings, Http, ReceiptId, Report as HttpReport, Smpp, Sms,
    Statuses as HttpStatuses, Way,
};

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[server]`
    pub server: Server,
    /// `database.url`
    pub database_url: DatabaseUrl,
    /// `database.connections`: how many to a PostgreSQL server.
    pub database_connections: usize,
    /// `[ca]`
    pub ca: Authority,
    /// `[sms]`
    pub sms: Sms,
    /// `support.phone`, as it is shown.
    pub support_phone: String,
    /// `[workstation.packages]`: links, for a person whose workstation lacks a part.
    pub packages: PackageLinks,
    /// `[otp]`
    pub otp: OneTimePasswords,
    /// `[session]`
    pub session: Sessions,
    /// `issuance.wait_seconds`: how long a confirmed request rests, for its holder to take it back.
    pub issuance_wait: Duration,
    /// `issuance.approval`: whose word a confirmed request needs.
    pub issuance_approval: Approval,
    /// `issuance.activation`: what an application needs before a certificate can be requested.
    pub issuance_activation: Activation,
    /// `issuance.approvals`: how many operators have to approve a request.
    pub issuance_approvals: u32,
    /// `renewal.offered_days`: how long before a certificate ends its holder can renew it here; never if zero.
    pub renewal_offered: Duration,
    /// `[operators]`
    pub operators: Operators,
    /// `[audit]`
    pub audit: Audit,
    /// `issuance.workers`: how many requests a server issues at a time.
    pub issuance_workers: usize,
    /// `request.key_algorithm`: which key pair the host makes.
    pub key_algorithm: KeyAlgorithm,
    /// `[log]`
    pub log: Log,
    /// `operations.listen`: where the operations desk reads metrics.
    pub operations_listen: Option<SocketAddr>,
    /// `secret.file`: the key that hashes one-time passwords; made at the first start. Empty: beside the database.
    pub secret_file: Option<PathBuf>,
}

/// Operators.
#[derive(Clone, Debug)]
pub struct Operators {
    /// `operators.hourly_wrong_tokens_by_address`
    pub hourly_wrong_tokens_by_address: u32,
    /// `operators.phone_change_hours`: how long a person's new phone waits after it was proposed.
    pub phone_change: Duration,
}

/// One-time passwords.
#[derive(Clone, Debug)]
pub struct OneTimePasswords {
    /// `otp.lifetime_seconds`
    pub lifetime: Duration,
    /// `otp.resend_seconds`
    pub resend: Duration,
    /// `otp.tries`: how often a password can be tried, and after how many wrong ones a phone waits.
    pub tries: u32,
    /// `otp.failures`: how many wrong ones in a row lock a phone.
    pub failures: u32,
    /// `otp.hourly_by_phone`: messages to one phone.
    pub hourly_by_phone: u32,
    /// `otp.hourly_by_address`: messages ordered from one address.
    pub hourly_by_address: u32,
    /// `otp.hourly_in_all`: messages of the whole portal.
    pub hourly_in_all: u32,
    /// `otp.hourly_tries_by_address`: passwords tried from one address.
    pub hourly_tries_by_address: u32,
}

/// Sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// `session.idle_minutes`
    pub idle: Duration,
    /// `session.absolute_hours`
    pub absolute: Duration,
}

/// The authority.
#[derive(Clone, Debug)]
pub struct Authority {
    /// `ca.directory`: keys and certificates.
    pub directory: PathBuf,
    /// `ca.validity_days`: of a holder's certificate.
    pub validity: Duration,
    /// `ca.root_years`
    pub root_years: u32,
    /// `ca.issuing_years`
    pub issuing_years: u32,
    /// `ca.crl_hours`: how long a revocation list is good; a new one is made at half of it.
    pub crl: Duration,
    /// `ca.crl_shards`: among how many lists new certificates are shared.
    pub crl_shards: u32,
    /// `ca.ocsp_minutes`: how long an answer about a certificate's state may be kept.
    pub ocsp: Duration,
    /// `ca.issuing_key`: P-256, P-384, RSA-3072 or RSA-4096.
    pub issuing_key: Algorithm,
    /// `ca.passphrase_file` or `ca.passphrase_credential`: what encrypts the files of keys.
    pub passphrase: Option<SecretSource>,
    /// `ca.root_passphrase_file` or `ca.root_passphrase_credential`: that of an own root's key, if it is another.
    pub root_passphrase: Option<SecretSource>,
    /// May files of keys be plain? Not in production.
    pub plain_keys: bool,
    /// `[hsm]`: where issuing keys are, if not in files.
    pub hsm: Option<Hsm>,
    /// `ca.signature_journal`: a line for each signature is appended to it before it is made.
    pub signature_journal: Option<PathBuf>,
    /// `ca.root_crl_days`: how long the revocation list of an own root is good.
    pub root_crl: Duration,
    /// `[authority]`: its name; CN of the issuing certificate is `authority.name`, of the root `authority.root_name`.
    pub name: AuthorityName,
    /// `authority.root_name`
    pub root_common_name: Text<64>,
    /// `ca.subject_sign_tool`
    pub subject_sign_tool: String,
    /// `ca.sign_tool`, `ca.ca_tool`, `ca.sign_tool_certificate`, `ca.ca_tool_certificate`
    pub issuer_sign_tool: IssuerSignTool,
    /// `ca.tool_class`: KC1, KC2, KC3, KB1, KB2 or KA.
    pub tool_class: ToolClass,
}

/// Everything that is wrong with the settings, one line each.
#[derive(Debug, thiserror::Error)]
#[error("the settings cannot be used:\n{}", .0.join("\n"))]
pub struct SettingsError(pub Vec<String>);

impl Settings {
    /// Reads the text of a file and the environment; both may be empty.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn read(file: &str, environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        match Self::read_leniently(file, environment)? {
            (settings, SettingsError(errors)) if errors.is_empty() => Ok(settings),
            (_, errors) => Err(errors),
        }
    }

    /// The same, and where a value was refused there is the default's, beside everything that is wrong.
    ///
    /// # Errors
    /// When the text is no settings at all.
    pub fn read_leniently(
        file: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<(Self, SettingsError), SettingsError> {
        let mut reader = Reader::new(file, environment)?;
        let settings = Self::take(&mut reader);
        Ok((settings, SettingsError(reader.finish())))
    }

    fn take(reader: &mut Reader<'_>) -> Self {
        let production = reader.parsed("environment", "development", |text| match text {
            "development" => Ok(false),
            "production" => Ok(true),
            _ => Err("must be development or production"),
        });
        let database_url = reader.parsed("database.url", "sqlite:data/qcert.sqlite", DatabaseUrl::parse);
        let secret_file = Some(reader.path("secret.file", "")).filter(|path| !path.as_os_str().is_empty());
        if database_url.is_postgres() && secret_file.is_none() {
            reader.refuse("secret.file", "must be set with PostgreSQL: it is the same for every server");
        }
        let (issuance_approval, issuance_activation) = issuance::safeguards(reader, production);
        Self {
            server: server::server(reader, production),
            database_url,
            database_connections: usize::try_from(reader.integer("database.connections", 32, 2..=1000)).unwrap_or(2),
            ca: authority(reader, production),
            sms: sms::sms(reader, production),
            support_phone: reader.text("support.phone", "8-800-500-05-08"),
            packages: workstation::packages(reader),
            otp: one_time_passwords(reader),
            session: Sessions {
                idle: Duration::minutes(reader.integer("session.idle_minutes", 30, 1..=1440)),
                absolute: Duration::hours(reader.integer("session.absolute_hours", 12, 1..=168)),
            },
            issuance_wait: Duration::seconds(reader.integer("issuance.wait_seconds", 0, 0..=86_400)),
            issuance_approval,
            issuance_activation,
            issuance_approvals: u32::try_from(reader.integer("issuance.approvals", 1, 1..=2)).unwrap_or(2),
            renewal_offered: Duration::days(reader.integer("renewal.offered_days", 30, 0..=366)),
            operators: Operators {
                hourly_wrong_tokens_by_address: u32::try_from(reader.integer(
                    "operators.hourly_wrong_tokens_by_address",
                    60,
                    1..=1_000_000,
                ))
                .unwrap_or(1),
                phone_change: Duration::hours(reader.integer("operators.phone_change_hours", 24, 1..=720)),
            },
            audit: audit::audit(reader),
            // Each waits for the database most of its time; together they fill its commits.
            issuance_workers: usize::try_from(reader.integer("issuance.workers", 32, 1..=1024)).unwrap_or(1),
            key_algorithm: reader.parsed("request.key_algorithm", "P-256", key_algorithm),
            log: operations::log(reader),
            operations_listen: operations::listen(reader),
            secret_file,
        }
    }

    /// Where the portal's secret is.
    pub fn secret_file(&self) -> PathBuf {
        let beside = || self.database_file().unwrap_or_else(|| PathBuf::from("data/x")).with_file_name("secret.key");
        self.secret_file.clone().unwrap_or_else(beside)
    }

    /// SHA-256 of everything that is set, so that the audit tells when it was changed. No password is in it.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        // The root's name is of a type that shows nothing.
        digest.copy_from_slice(
            digest::digest(&digest::SHA256, format!("{self:?}{}", self.ca.root_common_name.as_str()).as_bytes())
                .as_ref(),
        );
        digest
    }

    /// The file that `database.url` names, if it names one.
    pub fn database_file(&self) -> Option<PathBuf> {
        crate::store::sqlite::file_of(&self.database_url)
    }
}

fn key_algorithm(text: &str) -> Result<KeyAlgorithm, &'static str> {
    [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048]
        .into_iter()
        .find(|algorithm| algorithm.name() == text)
        .ok_or("must be P-256, P-384 or RSA-2048")
}

fn one_time_passwords(reader: &mut Reader<'_>) -> OneTimePasswords {
    let mut few = |key, default| u32::try_from(reader.integer(key, default, 1..=100)).unwrap_or(1);
    // NIST SP 800-63B §3.2.2: no more than a hundred in a row.
    let (tries, failures) = (few("otp.tries", 5), few("otp.failures", 100));
    let mut limit = |key, default| u32::try_from(reader.integer(key, default, 1..=1_000_000)).unwrap_or(u32::MAX);
    OneTimePasswords {
        tries,
        failures,
        hourly_by_phone: limit("otp.hourly_by_phone", 10),
        hourly_by_address: limit("otp.hourly_by_address", 60),
        hourly_in_all: limit("otp.hourly_in_all", 10_000),
        hourly_tries_by_address: limit("otp.hourly_tries_by_address", 120),
        lifetime: Duration::seconds(reader.integer("otp.lifetime_seconds", 600, 1..=600)),
        resend: Duration::seconds(reader.integer("otp.resend_seconds", 120, 1..=3600)),
    }
}

fn authority(reader: &mut Reader<'_>, production: bool) -> Authority {
    let mut years = |key, default| u32::try_from(reader.integer(key, default, 1..=30)).unwrap_or(1);
    let (root_years, issuing_years) = (years("ca.root_years", 15), years("ca.issuing_years", 10));
    Authority {
        directory: reader.path("ca.directory", "data/ca"),
        validity: Duration::days(reader.integer("ca.validity_days", 365, 1..=3650)),
        root_years,
        issuing_years,
        crl: Duration::hours(reader.integer("ca.crl_hours", 24, 1..=8760)),
        crl_shards: u32::try_from(reader.integer("ca.crl_shards", 1, 1..=MAX_SHARDS.into())).unwrap_or(1),
        ocsp: Duration::minutes(reader.integer("ca.ocsp_minutes", 10, 1..=1440)),
        issuing_key: keys::issuing_key(reader),
        passphrase: keys::passphrase(reader),
        root_passphrase: keys::root_passphrase(reader),
        plain_keys: !production,
        hsm: keys::hsm(reader),
        signature_journal: Some(reader.path("ca.signature_journal", "")).filter(|path| !path.as_os_str().is_empty()),
        root_crl: Duration::days(reader.integer("ca.root_crl_days", 180, 1..=3650)),
        name: authority_name(reader),
        root_common_name: reader.field("authority.root_name", "Удостоверяющий центр Qcert (корневой)", Text::parse),
        subject_sign_tool: reader.tool("ca.subject_sign_tool", "PKCS#11", 200),
        issuer_sign_tool: IssuerSignTool {
            sign_tool: reader.tool("ca.sign_tool", "Qcert (ring)", 200),
            ca_tool: reader.tool("ca.ca_tool", "Qcert", 200),
            sign_tool_certificate: reader.tool("ca.sign_tool_certificate", "нет (демонстрация)", 100),
            ca_tool_certificate: reader.tool("ca.ca_tool_certificate", "нет (демонстрация)", 100),
        },
        tool_class: reader.parsed("ca.tool_class", "KC1", |text| {
            let position = ["KC1", "KC2", "KC3", "KB1", "KB2", "KA"].iter().position(|class| *class == text);
            let number = position.and_then(|position| u8::try_from(position + 1).ok());
            number.and_then(ToolClass::new).ok_or("must be KC1, KC2, KC3, KB1, KB2 or KA")
        }),
    }
}

fn authority_name(reader: &mut Reader<'_>) -> AuthorityName {
    AuthorityName {
        country: reader.field("authority.country", "RU", Country::parse),
        region: reader.field("authority.region", "66 Свердловская область", Region::parse),
        locality: reader.field("authority.locality", "Екатеринбург", Text::parse),
        street: reader.field("authority.street", "ул. Примерная, 1", Text::parse),
        organization: reader.field("authority.organization", "ООО «Удостоверяющий центр Qcert»", Text::parse),
        common_name: reader.field("authority.name", "Удостоверяющий центр Qcert", Text::parse),
        ogrn: reader.field("authority.ogrn", "1026600000019", Ogrn::parse),
        inn: reader.field("authority.inn", "6673000012", InnLegalEntity::parse),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_defaults_are_complete() {
        let settings = Settings::read("", &BTreeMap::new()).unwrap();
        assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.otp.tries, 5);
        assert_eq!(settings.database_file(), Some("data/qcert.sqlite".into()));
        assert_eq!(settings.secret_file(), PathBuf::from("data/secret.key"));
    }

    #[test]
    fn the_example_names_every_setting_with_its_default() {
        const EXAMPLE: &str = include_str!("../qcert.example.toml");
        let nothing = BTreeMap::new();
        let defaults = Settings::read("", &nothing).unwrap();
        let example = Settings::read(EXAMPLE, &nothing).unwrap();
        assert_eq!(format!("{example:?}"), format!("{defaults:?}"));
        // Such a text is not shown, so it is compared as itself.
        assert!(example.ca.root_common_name == defaults.ca.root_common_name);

        let mut reader = Reader::new("", &nothing).unwrap();
        Settings::take(&mut reader);
        let table: toml::Table = EXAMPLE.parse().unwrap();
        for name in reader.names() {
            let mut sections = name.split('.');
            let first = sections.next().and_then(|section| table.get(section));
            let found = sections.try_fold(first, |value, key| Some(value?.get(key)));
            assert!(found.flatten().is_some(), "{name}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let variables =
            environment(&[("QCERT__OTP__TRIES", "7"), ("QCERT__SUPPORT__PHONE", "88005000508"), ("X", "y")]);
        let settings = Settings::read("[otp]\ntries = 3\nresend_seconds = 9", &variables).unwrap();
        assert_eq!((settings.otp.tries, settings.otp.resend), (7, Duration::seconds(9)));
        assert_eq!(settings.support_phone, "88005000508");
    }

    #[test]
    fn passwords_that_live_longer_or_are_tried_more_often_than_they_may_are_refused() {
        for (line, most) in [("lifetime_seconds", 600), ("failures", 100), ("tries", 100)] {
            let read = |value: i32| Settings::read(&format!("[otp]\n{line} = {value}"), &BTreeMap::new());
            assert!(read(most).is_ok(), "{line}");
            assert!(read(most + 1).unwrap_err().to_string().contains(&format!("otp.{line}")), "{line}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let variables = environment(&[("QCERT__OTP__LIVES", "7")]);
        let file = "colour = 1\n[otp]\ntries = 0\n[server]\nlisten = 'here'\norigin = 'http://qcert.ru'";
        let SettingsError(errors) = Settings::read(file, &variables).unwrap_err();
        let said = |name: &str| errors.iter().any(|error| error.contains(name));
        assert_eq!(errors.len(), 5, "{errors:?}");
        for name in ["otp.tries", "server.listen", "server.origin", "colour", "QCERT__OTP__LIVES"] {
            assert!(said(name), "{name}: {errors:?}");
        }
    }

    #[test]
    fn postgres_wants_a_secret_that_the_servers_share() {
        let url = environment(&[("QCERT__DATABASE__URL", "postgres://qcert:hidden@localhost/qcert")]);
        let SettingsError(errors) = Settings::read("", &url).unwrap_err();
        assert!(errors[0].contains("secret.file"), "{errors:?}");
        let settings = Settings::read("[secret]\nfile = '/etc/qcert/secret.key'", &url).unwrap();
        assert_eq!(settings.database_file(), None);
        assert!(!format!("{settings:?}").contains("hidden"));
    }

    const APPROVED: &str = "[issuance]\napproval = 'operator'\n";
    const GATEWAY: &str = "[sms.first]\nkind = 'http'\nurl = 'https://gateway.example/?to={{phone}}&text={{text}}'";

    #[test]
    fn production_wants_an_https_origin() {
        let read = |file: &str| {
            Settings::read(&format!("environment = 'production'\n{file}{GATEWAY}\n{APPROVED}"), &BTreeMap::new())
        };
        assert!(read("").is_err());
        assert!(read("[server]\norigin = 'https://qcert.example'\n").is_ok());
    }

    #[test]
    fn in_production_text_messages_do_not_go_to_a_file() {
        let read = |file: &str| Settings::read(file, &BTreeMap::new());
        let production = format!("environment = 'production'\n[server]\norigin = 'https://qcert.example'\n{APPROVED}");
        let SettingsError(errors) = read(&production).unwrap_err();
        assert!(errors.len() == 1 && errors[0].starts_with("sms.first.kind: sms_outbox_in_production:"), "{errors:?}");
        let SettingsError(errors) = read(&format!("{production}{GATEWAY}\n[sms.second]\nkind = 'outbox'")).unwrap_err();
        assert!(errors.len() == 1 && errors[0].starts_with("sms.second.kind: sms_outbox_in_production:"), "{errors:?}");
    }

    #[test]
    fn a_gateway_that_could_not_send_is_refused() {
        let wrong = |gateway: &str| {
            let read = Settings::read(&format!("[sms.first]\nkind = 'http'\n{gateway}"), &BTreeMap::new());
            read.err().map(|SettingsError(errors)| errors.join("\n")).unwrap_or_default()
        };
        let url = "url = 'http://h/?to={{phone}}&text={{text}}'\n";
        assert_eq!(wrong(url), "");
        assert!(wrong("").contains("sms.first.url: must be set"));
        assert!(wrong("url = 'http://h/{{phone}}'").contains("sms.first.body: must have {{text}}"));
        assert!(
            wrong(&format!("{url}headers = 'X-Key: {{{{secret}}}}'")).contains("sms.first.secret_file: must be set")
        );
        assert!(wrong(&format!("{url}headers = 'X-Text: {{{{text}}}}'")).contains("a header is one line"));
        let json = "url = 'http://h/'\nbody = '{\"to\": \"{{phone}}\", \"text\": \"{{text}}\"}'\n";
        assert!(wrong(json).contains("must have a Content-Type"));
        assert_eq!(wrong(&format!("{json}headers = 'Content-Type: application/json; charset=utf-8'")), "");
        for url in
            ["ftp://h/{{phone}}{{text}}", "http://{{phone}}/{{text}}", "http://u:p@h/{{phone}}{{text}}", "/{{phone}}"]
        {
            assert!(wrong(&format!("url = '{url}'")).contains("sms.first.url: must"), "{url}");
        }
        assert!(wrong(&format!("{url}accepted_status = 'all'")).contains("sms.first.accepted_status"));
    }
}
