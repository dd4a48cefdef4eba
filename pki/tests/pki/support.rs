//! Invented people, an authority in memory, and the `openssl` command.

use std::path::{Path, PathBuf};
use std::process::Command;

use qcert_pki::{
    AuthorityCertificate, AuthorityName, Certificate, Issuance, IssuerSignTool, Profile, PublicKey, Serial, SignError,
    SignatureAlgorithm, Signer, ToolClass, assemble, authority, certificate,
};
use qcert_protocol::application::IdentificationKind;
use qcert_protocol::holder::{Region, Text};
use qcert_protocol::{HolderData, HolderKind};
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use time::{Duration, OffsetDateTime};

/// 1 January 2026, 00:00:00 UTC.
pub const NOW: i64 = 1_767_225_600;

pub fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

/// A key in memory.
pub struct MemorySigner {
    key: KeyPair,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
}

impl MemorySigner {
    pub fn generate(algorithm: &'static rcgen::SignatureAlgorithm) -> Box<dyn Signer> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let public_key = PublicKey::from_spki_der(&key.subject_public_key_info()).unwrap();
        let algorithm = SignatureAlgorithm::usual_for(public_key.algorithm());
        Box::new(Self { key, public_key, algorithm })
    }
}

impl Signer for MemorySigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(message).map_err(|error| SignError(error.to_string()))
    }
}

/// A key of `openssl`, with any hash.
pub struct OpenSslSigner {
    openssl: OpenSsl,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
}

impl OpenSslSigner {
    /// `parameters` are those of `openssl genpkey`.
    pub fn generate(parameters: &str, algorithm: SignatureAlgorithm) -> Box<dyn Signer> {
        let openssl = OpenSsl::new();
        openssl.run(&format!("genpkey -out key.pem {parameters}")).unwrap();
        openssl.run("pkey -in key.pem -pubout -outform DER -out key.der").unwrap();
        let public_key = PublicKey::from_spki_der(&openssl.read("key.der")).unwrap();
        Box::new(Self { openssl, public_key, algorithm })
    }

    fn hash(&self) -> &'static str {
        use SignatureAlgorithm as S;
        match self.algorithm {
            S::EcdsaSha256 | S::RsaSha256 => "sha256",
            S::EcdsaSha384 | S::RsaSha384 => "sha384",
            S::EcdsaSha512 | S::RsaSha512 => "sha512",
            other => panic!("no hash beside {other:?}"),
        }
    }
}

impl Signer for OpenSslSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.openssl.write("message", message);
        self.openssl.run(&format!("dgst -{} -sign key.pem -out signature message", self.hash())).map_err(SignError)?;
        Ok(self.openssl.read("signature"))
    }
}

pub fn sign(to_be_signed: &[u8], signer: &dyn Signer) -> Vec<u8> {
    let signature = signer.sign(to_be_signed).unwrap();
    assemble(to_be_signed, signer.signature_algorithm(), &signature).unwrap()
}

/// Root and issuing authority with their keys.
pub struct Authority {
    pub root: Certificate,
    pub issuing: Certificate,
    pub issuing_key: Box<dyn Signer>,
    pub profile: Profile,
}

impl Authority {
    pub fn new() -> Self {
        Self::with_keys(&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub fn with_keys(root: &'static rcgen::SignatureAlgorithm, issuing: &'static rcgen::SignatureAlgorithm) -> Self {
        Self::with_signers(MemorySigner::generate(root).as_ref(), MemorySigner::generate(issuing))
    }

    pub fn with_signers(root_key: &dyn Signer, issuing_key: Box<dyn Signer>) -> Self {
        let profile = profile();
        let root_name = authority_name("Корневой УЦ «Пример»");
        let serial = Serial::from_random([1; 20]);
        let parameters = AuthorityCertificate {
            name: &root_name,
            public_key: root_key.public_key(),
            signature_algorithm: root_key.signature_algorithm(),
            serial: &serial,
            not_before: now() - Duration::days(1),
            not_after: now() + Duration::days(3650),
            path_length: Some(1),
            class: None,
            crl_urls: &[],
            ca_issuers_urls: &[],
        };
        let tbs = authority::root_to_be_signed(&parameters).unwrap();
        let root = Certificate::parse(&sign(&tbs, root_key)).unwrap();
        let issuing_name = authority_name("УЦ «Пример»");
        let serial = Serial::from_random([2; 20]);
        let parameters = AuthorityCertificate {
            name: &issuing_name,
            public_key: issuing_key.public_key(),
            serial: &serial,
            not_after: now() + Duration::days(1825),
            path_length: Some(0),
            class: ToolClass::new(2),
            crl_urls: &profile.crl_urls,
            ca_issuers_urls: &profile.ca_issuers_urls,
            ..parameters
        };
        let tbs = authority::issuing_to_be_signed(&root, &parameters).unwrap();
        let issuing = Certificate::parse(&sign(&tbs, root_key)).unwrap();
        Self { root, issuing, issuing_key, profile }
    }

    /// What is to be issued to a holder, for a year from now.
    pub fn issuance<'a>(
        &'a self,
        holder: &'a HolderData,
        public_key: &'a PublicKey,
        serial: &'a Serial,
    ) -> Issuance<'a> {
        Issuance {
            profile: &self.profile,
            issuer: &self.issuing,
            signature_algorithm: self.issuing_key.signature_algorithm(),
            holder,
            identification: IdentificationKind::InPerson,
            public_key,
            serial,
            not_before: now(),
            not_after: now() + Duration::days(365),
        }
    }

    /// A certificate for a new key.
    pub fn issue(&self, holder: &HolderData, serial: &Serial) -> Certificate {
        let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
        let issuance = self.issuance(holder, key.public_key(), serial);
        let tbs = certificate::qualified_to_be_signed(&issuance).unwrap();
        qcert_pki::profile_check::check_qualified(&tbs, &issuance).unwrap();
        Certificate::parse(&sign(&tbs, self.issuing_key.as_ref())).unwrap()
    }
}

pub fn authority_name(common_name: &str) -> AuthorityName {
    AuthorityName {
        country: "RU".parse().unwrap(),
        region: Region::parse("66 Свердловская область").unwrap(),
        locality: Text::parse("Екатеринбург").unwrap(),
        street: Text::parse("ул. Малопрудная, 5").unwrap(),
        organization: Text::parse("ООО «Пример»").unwrap(),
        common_name: Text::parse(common_name).unwrap(),
        ogrn: "1234567890127".parse().unwrap(),
        inn: "6688242590".parse().unwrap(),
    }
}

pub fn profile() -> Profile {
    Profile {
        subject_sign_tool: "Токен с неизвлекаемым ключом".to_owned(),
        issuer_sign_tool: IssuerSignTool {
            sign_tool: "Средство электронной подписи".to_owned(),
            ca_tool: "Средство удостоверяющего центра Qcert".to_owned(),
            sign_tool_certificate: "не сертифицировано".to_owned(),
            ca_tool_certificate: "не сертифицировано".to_owned(),
        },
        class: ToolClass::new(2).unwrap(),
        crl_urls: vec!["http://ca.example.ru/crl/issuing.crl".to_owned()],
        ca_issuers_urls: vec!["http://ca.example.ru/ca/issuing.cer".to_owned()],
        ocsp_urls: vec!["http://ca.example.ru/ocsp".to_owned()],
    }
}

pub fn person() -> HolderData {
    HolderData {
        kind: HolderKind::Person,
        surname: Text::parse("Иванов").unwrap(),
        given_name: Text::parse("Иван Иванович").unwrap(),
        country: "RU".parse().unwrap(),
        region: Region::parse("66 Свердловская область").unwrap(),
        locality: Text::parse("Екатеринбург").unwrap(),
        street: None,
        email: "direktor@e.ru".parse().unwrap(),
        snils: "075-001-221 05".parse().unwrap(),
        inn_person: "500100732259".parse().unwrap(),
        inn_legal_entity: None,
        kpp: None,
        ogrn: None,
        ogrnip: None,
        fss_number: None,
        organization: None,
        organizational_unit: None,
        title: None,
    }
}

pub fn sole_proprietor() -> HolderData {
    HolderData {
        kind: HolderKind::SoleProprietor,
        // Belongs to the application, and not to the name of a sole proprietor.
        street: Some(Text::parse("ул. Малопрудная, 7").unwrap()),
        ogrnip: Some("304500116000157".parse().unwrap()),
        fss_number: Some("6612345678".parse().unwrap()),
        ..person()
    }
}

pub fn legal_entity() -> HolderData {
    HolderData {
        kind: HolderKind::LegalEntity,
        street: Some(Text::parse("ул. Малопрудная, 5").unwrap()),
        inn_legal_entity: Some("6688242590".parse().unwrap()),
        kpp: Some("668801001".parse().unwrap()),
        ogrn: Some("1234567890127".parse().unwrap()),
        fss_number: Some("6601234567".parse().unwrap()),
        organization: Some(Text::parse("ООО «АвтоСпор»").unwrap()),
        organizational_unit: Some(Text::parse("Администрация").unwrap()),
        title: Some(Text::parse("директор").unwrap()),
        ..person()
    }
}

/// A directory that goes with the test, and `openssl` run in it.
pub struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// Runs `openssl` with words separated by spaces; what it printed, or what it complained of.
    pub fn run(&self, words: &str) -> Result<String, String> {
        let arguments: Vec<&str> = words.split_whitespace().collect();
        let output = Command::new("openssl").args(arguments).current_dir(self.0.path()).output();
        let output = output.expect("these tests need the openssl command");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        if output.status.success() { Ok(text) } else { Err(text) }
    }
}
