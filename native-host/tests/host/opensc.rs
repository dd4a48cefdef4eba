//! OpenSC's tool, which goes by our own module, uses a key that the token only stores.

use crate::{
    certified::Certified,
    workplace::{CONTAINER, PIN},
};

/// It shows a stored key beside its certificate, after the login alone, signs with it, and cannot take it out.
#[test]
fn opensc_signs_with_a_key_that_the_token_only_stores_and_does_not_get_it() {
    let certified = Certified::stored("P-384");
    let shown = |arguments: &[&str]| {
        String::from_utf8_lossy(&certified.pkcs11_tool(&[&["--list-objects"], arguments].concat()).stdout).into_owned()
    };
    assert!(!shown(&[]).contains("Private Key Object"));
    let login = ["--login", "--pin", PIN];
    let objects = shown(&login);
    for kind in ["Private Key Object; EC", "Public Key Object; EC", "Certificate Object"] {
        assert_eq!(objects.matches(kind).count(), 1, "{objects}");
    }
    assert!(objects.contains("Access:     sensitive"), "{objects}");
    let (message, signature) = (certified.path("question"), certified.path("signature"));
    let digest = certified.path("digest");
    assert!(certified.workplace.openssl(&["dgst", "-sha384", "-binary", "-out", &digest, &message]).status.success());
    let sign = ["--sign", "--mechanism", "ECDSA", "--signature-format", "openssl", "--id", &certified.key_id];
    let signed =
        certified.pkcs11_tool(&[&login[..], &sign, &["--input-file", &digest, "--output-file", &signature]].concat());
    assert!(signed.status.success(), "{signed:?}");
    let certificate = certified.certificate_on_token();
    let public = certified.workplace.openssl(&["x509", "-in", &certificate, "-pubkey", "-noout", "-out", "public.pem"]);
    assert!(public.status.success());
    let verify = ["dgst", "-sha384", "-verify", "public.pem", "-signature", &signature, &message];
    assert!(certified.workplace.openssl(&verify).status.success());
    let format = ["--verify", "--mechanism", "ECDSA", "--signature-format", "openssl", "--id", &certified.key_id];
    let other = certified.workplace.file("other", [7; 48]).display().to_string();
    for (input, said) in [(&digest, "Signature is valid"), (&other, "Invalid signature")] {
        let checked =
            certified.pkcs11_tool(&[&format[..], &["--input-file", input, "--signature-file", &signature]].concat());
        assert!(String::from_utf8_lossy(&checked.stdout).contains(said), "{checked:?}");
    }
    let key = certified.path("key");
    let read = ["--read-object", "--type", "privkey", "--id", &certified.key_id, "--output-file", &key];
    let refused = certified.pkcs11_tool(&[&login[..], &read].concat());
    assert!(!certified.workplace.path("key").exists(), "{refused:?}");
    let remove = ["--delete-object", "--type", "privkey", "--id", &certified.key_id];
    assert!(!certified.pkcs11_tool(&[&login[..], &remove].concat()).status.success());
    assert_eq!(shown(&login), objects);
}

/// OpenSC's own test of a module: it signs with the stored key, and checks that by the public half.
#[test]
fn opensc_finds_no_fault_with_our_module_over_a_stored_container() {
    let certified = Certified::stored("RSA-2048");
    for token in ["mechanisms none\nkeys refused", "mechanisms no-generation\nkeys refused"] {
        certified.workplace.file("control", token);
        let tested = certified.pkcs11_tool(&["--login", "--pin", PIN, "--test"]);
        let said = String::from_utf8_lossy(&tested.stdout);
        assert!(said.contains(&format!("testing key 0 ({CONTAINER})\n    RSA-PKCS: OK\n")), "{tested:?}");
        assert!(tested.status.success() && said.ends_with("No errors\n"), "{tested:?}");
    }
}
