//! What programs that are not ours make of it: `openssl` over a listening server.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use qcert_pki::crl::Reason;
use qcert_server::clock::{Clock, SystemClock};
use tempfile::TempDir;

use crate::support::Workplace;

/// A portal at the time that `openssl` sees too, listening.
struct Served {
    workplace: Workplace,
    directory: TempDir,
    address: SocketAddr,
}

impl Served {
    async fn start() -> Self {
        let workplace = Workplace::starting("[ca]\ncrl_shards = 8", SystemClock.now()).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = workplace.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { workplace, directory: tempfile::tempdir().unwrap(), address }
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Root, issuing certificate and a holder's, as files.
    async fn certificates(&self) -> (PathBuf, PathBuf, PathBuf, String) {
        let current = self.workplace.portal.ca.current();
        let chain = current.chain();
        let root = self.file("root.pem", chain.last().unwrap().to_pem().as_bytes());
        let issuing = self.file("issuing.pem", chain[0].to_pem().as_bytes());
        let (_, view) = self.workplace.with_certificate().await;
        let (_, stored) = self.workplace.portal.store.certificate(&view.serial).await.unwrap().unwrap();
        let pem = qcert_pki::Certificate::parse(&stored.der).unwrap().to_pem();
        (root, issuing, self.file("holder.pem", pem.as_bytes()), view.serial)
    }

    /// The list that the serial's shard names, as `curl` would fetch it.
    async fn list(&self, serial: &str) -> PathBuf {
        let serial = qcert_pki::Serial::parse(serial).unwrap();
        let shard = qcert_server::publication::lists::shard_of(&serial, 8);
        self.workplace.publish().await;
        let reply = self.workplace.public(&self.workplace.list_path(&shard), &[]).await;
        let der = self.file("list.der", &reply.body);
        let pem = self.directory.path().join("list.pem");
        let output = openssl(&["crl", "-inform", "DER", "-in", path(&der), "-out", path(&pem)]).await;
        assert!(output.status.success(), "{output:?}");
        pem
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs beside the server, which answers on this very thread.
async fn openssl(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    tokio::task::spawn_blocking(move || Command::new("openssl").args(arguments).output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    [output.stdout.as_slice(), &output.stderr].map(|part| String::from_utf8_lossy(part).into_owned()).concat()
}

#[tokio::test]
async fn openssl_verifies_a_certificate_against_its_list_until_it_is_revoked() {
    let served = Served::start().await;
    let (root, issuing, holder, serial) = served.certificates().await;
    let verify = async |list: &Path| {
        // The issuing certificate has no list in this test, so the holder's alone is looked up.
        let arguments = ["verify", "-crl_check", "-CAfile", path(&root), "-untrusted", path(&issuing), "-CRLfile"];
        openssl(&[&arguments[..], &[path(list), path(&holder)]].concat()).await
    };
    let good = verify(&served.list(&serial).await).await;
    assert!(good.status.success(), "{}", said(&good));

    served.workplace.revoked_by_operator(&serial, Reason::KeyCompromise).await.unwrap();
    served.workplace.portal.revocation_waits();
    let list = served.list(&serial).await;
    let revoked = verify(&list).await;
    assert!(!revoked.status.success() && said(&revoked).contains("certificate revoked"), "{}", said(&revoked));

    let checked = openssl(&["crl", "-in", path(&list), "-CAfile", path(&issuing), "-noout", "-text"]).await;
    let text = said(&checked);
    for part in ["verify OK", "Issuing Distribution Point", "X509v3 CRL Number", "Key Compromise"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn openssl_ocsp_asks_and_believes_the_answer() {
    let served = Served::start().await;
    let (root, issuing, holder, serial) = served.certificates().await;
    let url = format!("http://{}/ocsp", served.address);
    let ask = async |more: &[&str]| {
        let arguments = ["ocsp", "-url", &url, "-issuer", path(&issuing), "-CAfile", path(&root)];
        openssl(&[&arguments[..], more, &["-cert", path(&holder)]].concat()).await
    };
    for more in [&[][..], &["-no_nonce"], &["-sha256"], &["-serial", "0x4001020304"]] {
        let output = ask(more).await;
        let text = said(&output);
        assert!(output.status.success() && text.contains("Response verify OK"), "{more:?}: {text}");
        assert!(text.contains("holder.pem: good"), "{more:?}: {text}");
        assert!(!text.contains("nonce"), "{more:?}: {text}");
        assert!(more.first() != Some(&"-serial") || text.contains("0x4001020304: unknown"), "{text}");
    }
    served.workplace.revoked_by_operator(&serial, Reason::KeyCompromise).await.unwrap();
    served.workplace.portal.revocation_waits();
    let text = said(&ask(&[]).await);
    assert!(text.contains("holder.pem: revoked") && text.contains("Reason: keyCompromise"), "{text}");
}

#[tokio::test]
async fn a_question_in_an_address_is_answered_as_one_that_is_posted() {
    let served = Served::start().await;
    let (root, issuing, holder, _) = served.certificates().await;
    let (question, answer) = (served.directory.path().join("q.der"), served.directory.path().join("a.der"));
    let arguments =
        ["ocsp", "-issuer", path(&issuing), "-cert", path(&holder), "-no_nonce", "-reqout", path(&question)];
    assert!(openssl(&arguments).await.status.success());
    use base64::{Engine, engine::general_purpose::STANDARD};
    let address = format!("/ocsp/{}", STANDARD.encode(std::fs::read(&question).unwrap()).replace('/', "%2F"));
    std::fs::write(&answer, served.workplace.public(&address, &[]).await.body).unwrap();
    let arguments = ["ocsp", "-issuer", path(&issuing), "-CAfile", path(&root), "-cert", path(&holder)];
    let output = openssl(&[&arguments[..], &["-respin", path(&answer)]].concat()).await;
    assert!(output.status.success() && said(&output).contains("holder.pem: good"), "{}", said(&output));
}
