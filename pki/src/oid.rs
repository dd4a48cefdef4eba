//! Object identifiers that the standard database of `const-oid` lacks, or that this crate names often.

use der::asn1::ObjectIdentifier as Oid;

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: Oid = Oid::new_unwrap($text);)*
    };
}

oids! {
    // Attributes of names: X.520, PKCS#9, and the order of the FSB no. 795.
    COMMON_NAME = "2.5.4.3";
    SURNAME = "2.5.4.4";
    COUNTRY = "2.5.4.6";
    LOCALITY = "2.5.4.7";
    STATE = "2.5.4.8";
    STREET = "2.5.4.9";
    ORGANIZATION = "2.5.4.10";
    ORGANIZATIONAL_UNIT = "2.5.4.11";
    TITLE = "2.5.4.12";
    GIVEN_NAME = "2.5.4.42";
    EMAIL_ADDRESS = "1.2.840.113549.1.9.1";
    OGRN = "1.2.643.100.1";
    SNILS = "1.2.643.100.3";
    INN_LEGAL_ENTITY = "1.2.643.100.4";
    OGRNIP = "1.2.643.100.5";
    INN_PERSON = "1.2.643.3.131.1.1";
    FSS_NUMBER = "1.2.643.3.141.1.1";

    // Extensions of the order.
    SUBJECT_SIGN_TOOL = "1.2.643.100.111";
    ISSUER_SIGN_TOOL = "1.2.643.100.112";
    /// Classes of tools are `.1` (KC1) to `.6` (KA) below it.
    TOOL_CLASS = "1.2.643.100.113";
    IDENTIFICATION_KIND = "1.2.643.100.114";

    // Extensions and what stands in them: RFC 5280.
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
    KEY_USAGE = "2.5.29.15";
    PRIVATE_KEY_USAGE_PERIOD = "2.5.29.16";
    SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
    BASIC_CONSTRAINTS = "2.5.29.19";
    CRL_NUMBER = "2.5.29.20";
    CRL_REASON = "2.5.29.21";
    ISSUING_DISTRIBUTION_POINT = "2.5.29.28";
    CRL_DISTRIBUTION_POINTS = "2.5.29.31";
    CERTIFICATE_POLICIES = "2.5.29.32";
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
    EXTENDED_KEY_USAGE = "2.5.29.37";
    AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1";
    CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2";
    EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4";
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
    ACCESS_OCSP = "1.3.6.1.5.5.7.48.1";
    ACCESS_CA_ISSUERS = "1.3.6.1.5.5.7.48.2";

    // Requests: RFC 2985 §5.4.2.
    EXTENSION_REQUEST = "1.2.840.113549.1.9.14";

    // Questions about certificates: RFC 6960.
    OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1";
    OCSP_NONCE = "1.3.6.1.5.5.7.48.1.2";
    OCSP_NO_CHECK = "1.3.6.1.5.5.7.48.1.5";
    SHA1 = "1.3.14.3.2.26";
    SHA256 = "2.16.840.1.101.3.4.2.1";

    // Keys and signatures: RFC 3279, 5480, 5758, 8410.
    EC_PUBLIC_KEY = "1.2.840.10045.2.1";
    CURVE_P256 = "1.2.840.10045.3.1.7";
    CURVE_P384 = "1.3.132.0.34";
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
    ED25519 = "1.3.101.112";
    ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
    ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3";
    ECDSA_WITH_SHA512 = "1.2.840.10045.4.3.4";
    SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
    SHA384_WITH_RSA = "1.2.840.113549.1.1.12";
    SHA512_WITH_RSA = "1.2.840.113549.1.1.13";
}
