//! The next issuing key works beside the one before.

use std::fs;

use time::Duration;

use crate::support::{Place, signs};

#[tokio::test]
async fn the_next_key_issues_and_the_one_before_goes_on() {
    let place = Place::with("");
    place.done("ca init");
    let before = place.load(Duration::ZERO).0.current().id();
    // The newer is the one that began later, and a certificate begins at a whole second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca rollover");
    assert_eq!(place.states(), ["issuing", "retired"]);
    let (ca, _) = place.load(Duration::ZERO);
    assert_ne!(ca.current().id(), before);
    assert_eq!(ca.issuers().len(), 2);
    signs(&ca.current()).await.unwrap();
    signs(&ca.issuer(&before).unwrap()).await.unwrap();
    let serving = place.serve();
    for (id, _, _) in place.list() {
        let (head, body) = serving.get(&format!("/ca/{id}.cer"));
        assert!(head.contains("application/pkix-cert"), "{head}");
        fs::write(place.path("issuing.cer"), body).unwrap();
        place.openssl_does("verify -x509_strict -CAfile data/ca/root.pem issuing.cer");
    }
}

/// Waits for something that a running server does by itself.
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..150 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    panic!("{what}: it does not come to that");
}

#[test]
fn a_running_server_takes_the_next_key_and_goes_on_with_the_one_before() {
    let place = Place::with("");
    place.done("ca init");
    let serving = place.serve();
    let before = serving.chain()[0].clone();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca rollover");
    let (id, state, _) = place.list().remove(0);
    assert_eq!(state, "issuing");
    until("the new certificate is known", || serving.get(&format!("/ca/{id}.cer")).0.starts_with("HTTP/1.1 200"));
    assert_eq!(serving.chain()[0], before, "it rests before it issues, so that other servers know it by then");
    let list = serving.get(&format!("/crl/{id}/1-0.crl"));
    assert!(list.0.starts_with("HTTP/1.1 200"), "its key signs: {}", list.0);
    until("the new key issues", || serving.chain()[0] != before);
    assert_eq!(serving.chain()[0].key_identifier(), place.load(Duration::ZERO).0.current().id());
    let earlier = hex(&before.key_identifier());
    assert!(serving.get(&format!("/ca/{earlier}.cer")).0.starts_with("HTTP/1.1 200"));
    assert!(serving.get(&format!("/crl/{earlier}/1-0.crl")).0.starts_with("HTTP/1.1 200"));
    assert!(serving.log().contains("a new issuing key is here"));
}

#[tokio::test]
async fn files_are_taken_when_they_are_whole_whichever_comes_first() {
    let place = Place::with("");
    place.done("ca init");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let first = place.list()[0].0.clone();
    let (ca, clock) = place.load(Duration::ZERO);
    place.done("ca rollover");
    let id = place.list().into_iter().map(|(id, ..)| id).find(|id| *id != first).unwrap();
    let path = |ending: &str| place.path(&format!("data/ca/issuing-{id}.{ending}"));
    let (key, chain) = (fs::read(path("key")).unwrap(), fs::read(path("pem")).unwrap());
    let alone = chain.windows(25).rposition(|part| part == b"-----BEGIN CERTIFICATE---").unwrap();
    fs::remove_file(path("key")).unwrap();
    // As `scp` writes them: in pieces, and the certificate before its key.
    for part in [0, 100, alone, chain.len() - 100] {
        fs::write(path("pem"), &chain[..part]).unwrap();
        assert!(ca.notice().is_empty(), "{part} octets of the chain");
    }
    fs::write(path("pem"), &chain).unwrap();
    assert!(ca.notice().is_empty(), "there is no key");
    for part in [0, key.len() / 2] {
        place.secret(&format!("data/ca/issuing-{id}.key"), std::str::from_utf8(&key[..part]).unwrap());
        assert!(ca.notice().is_empty(), "{part} octets of the key");
    }
    assert_eq!((ca.issuers().len(), hex(&ca.current().id())), (1, first.clone()));
    place.secret(&format!("data/ca/issuing-{id}.key"), std::str::from_utf8(&key).unwrap());
    assert!(ca.notice().iter().map(|id| hex(id)).eq([id.clone()]));
    assert!(ca.notice().is_empty(), "once");
    assert_eq!(ca.issuers().len(), 2);
    assert_eq!(hex(&ca.current().id()), first);
    clock.advance(Duration::seconds(15));
    assert_eq!(hex(&ca.current().id()), id);
    signs(&ca.current()).await.unwrap();
    signs(&ca.issuers()[1]).await.unwrap();
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn the_one_that_covers_a_new_certificate_issues() {
    let mut place = Place::with("");
    place.done("ca init");
    let before = place.load(Duration::ZERO).0.current().id();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.change("[ca]\nissuing_years = 1\nvalidity_days = 364");
    place.done("ca rollover");
    let (ca, clock) = place.load(Duration::ZERO);
    assert_ne!(ca.current().id(), before);
    clock.advance(Duration::days(2));
    assert_eq!(ca.current().id(), before, "the newer one ends before a certificate of today would");
    clock.advance(Duration::days(3650 - 300));
    assert_eq!(ca.current().id(), before, "none covers it, and this one has not ended");
}

#[test]
fn without_the_roots_key_the_server_serves_and_nothing_new_is_made() {
    let place = Place::with("");
    place.done("ca init");
    fs::rename(place.path("data/ca/root.key"), place.path("offline.key")).unwrap();
    assert_eq!(place.serve().chain().len(), 2);
    let before = place.files();
    assert!(place.refused("ca rollover").contains("bring it back"));
    assert!(place.refused("ca root-crl").contains("bring it back"));
    assert_eq!(place.files(), before);
    place.done("ca rollover --request next.csr");
    place.openssl_does("req -in next.csr -verify -noout");
    assert_eq!(place.states(), ["issuing", "requested"]);
}

#[test]
fn the_roots_list_is_renewed_and_revokes_an_issuing_key() {
    let place = Place::with("");
    place.done("ca init");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca rollover");
    let compromised = place.list()[0].0.clone();
    place.done(&format!("ca root-crl --revoke {compromised} --reason keyCompromise"));
    assert_eq!(place.states(), ["revoked", "issuing"]);
    let list = place.files().into_iter().find(|name| name.ends_with(".crl")).unwrap();
    let text = place.openssl_does(&format!("crl -in data/ca/{list} -noout -text"));
    assert!(text.contains("Key Compromise"), "{text}");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca root-crl");
    assert_eq!(place.states(), ["revoked", "issuing"], "a renewed list still says it");
}

#[test]
fn an_authority_of_the_first_layout_is_still_read() {
    let place = Place::with("");
    place.done("ca init");
    let ca = |name: &str| place.path(&format!("data/ca/{name}"));
    let chain = fs::read_to_string(place.path(&place.file(".pem"))).unwrap();
    let (issuing, _) = chain.split_at(chain.rfind("-----BEGIN").unwrap());
    fs::write(ca("issuing.pem"), issuing).unwrap();
    fs::rename(place.path(&place.file(".key")), ca("issuing.key")).unwrap();
    fs::remove_file(place.path(&place.file(".pem"))).unwrap();
    assert_eq!(place.states(), ["issuing"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca rollover");
    assert_eq!(place.states(), ["issuing", "retired"]);
    let serving = place.serve();
    let first = qcert_pki::Certificate::parse_pem(issuing).unwrap();
    assert_eq!(serving.get("/ca/issuing.cer").1, first[0].der(), "what it issued goes on naming this address");
    assert_ne!(serving.chain()[0], first[0]);
}

#[test]
fn what_was_interrupted_leaves_the_authority_as_it_was() {
    let place = Place::with("");
    // A directory that did not take its name yet.
    fs::create_dir_all(place.path("data/.ca.1.new")).unwrap();
    fs::write(place.path("data/.ca.1.new/root.key"), "half").unwrap();
    place.done("ca init");
    let before = place.list();
    // A key whose certificate was not written, and files that did not take their names.
    let name = format!("data/ca/issuing-{}.key", "0".repeat(40));
    fs::copy(place.path(&place.file(".key")), place.path(&name)).unwrap();
    fs::write(place.path("data/ca/.issuing-1.pem.1.new"), "half").unwrap();
    assert_eq!(place.list(), before);
    assert_eq!(place.serve().chain().len(), 2);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca rollover");
    assert_eq!(place.states(), ["issuing", "retired"]);
}

#[test]
fn an_init_that_is_killed_leaves_all_or_nothing() {
    for after in 0..20 {
        let place = Place::with("");
        place.killed("ca init", 4 * after);
        if !place.path("data/ca").exists() {
            place.done("ca init");
        }
        assert_eq!(place.states(), ["issuing"]);
        place.load(Duration::ZERO);
    }
}

#[tokio::test]
async fn a_rollover_that_is_killed_leaves_the_old_key_or_both() {
    let place = Place::with("");
    place.done("ca init");
    let mut keys = 1;
    for after in 0..20 {
        place.killed("ca rollover", 4 * after);
        let (ca, _) = place.load(Duration::ZERO);
        let found = ca.issuers().len();
        assert!(found == keys || found == keys + 1, "{found}");
        keys = found;
        for issuer in ca.issuers().iter() {
            signs(issuer).await.unwrap();
        }
    }
    place.done("ca rollover");
    assert_eq!(place.list().len(), keys + 1);
}
