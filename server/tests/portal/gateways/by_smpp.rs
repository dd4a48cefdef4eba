//! SMPP, with a message centre of npm's `smpp`.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
};

use qcert_server::{sms::gateway::Gateways, store::MessageState};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::Duration;

use super::{becomes, eventually, latest, order, send, sign_in, state};
use crate::support::{PHONE, Workplace};

/// A message centre, and what it said.
struct Centre {
    child: Child,
    input: ChildStdin,
    said: Arc<Mutex<Vec<Value>>>,
    port: u64,
    directory: TempDir,
}

impl Drop for Centre {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Centre {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// By TLS, with a certificate of its own.
    async fn by_tls() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (key, certificate) = (directory.path().join("key.pem"), directory.path().join("ca.pem"));
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        let mut centre = Self::with(&[key.to_str().unwrap(), certificate.to_str().unwrap()]).await;
        centre.directory = directory;
        centre
    }

    async fn with(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/portal/gateways/smsc.js");
        let mut command = Command::new("node");
        command.arg(script).arg(package()).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let said = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                hears.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let mut centre = Self { child, input, said, port: 0, directory };
        centre.port = centre.says("port").await.as_u64().unwrap();
        centre
    }

    fn all(&self, event: &str) -> Vec<Value> {
        let said = self.said.lock().unwrap();
        said.iter().filter_map(|said| said.get(event).cloned()).collect()
    }

    /// Waits until it has said something; the last of its kind.
    async fn says(&self, event: &str) -> Value {
        eventually(event, || async { self.all(event).pop() }).await
    }

    /// Waits until it has said something so often.
    async fn says_times(&self, event: &str, count: usize) -> Vec<Value> {
        eventually(event, || async { Some(self.all(event)).filter(|all| all.len() >= count) }).await
    }

    async fn tell(&mut self, what: Value) {
        let count = self.all("told").len();
        writeln!(self.input, "{what}").unwrap();
        self.says_times("told", count + 1).await;
    }

    /// Settings of a gateway that is this centre, with others besides.
    fn settings(&self, others: &str) -> String {
        let secret = self.directory.path().join("secret");
        std::fs::write(&secret, "s3cret\n").unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let tls = if others.contains("tls =") { "" } else { "tls = 'off'\n" };
        format!(
            "[sms.first]\nkind = 'smpp'\naddress = 'localhost:{}'\nsystem_id = 'qcert'\nsource = 'QCERT'\n\
             timeout_seconds = 3\nsecret_file = '{}'\n{tls}{others}\n",
            self.port,
            secret.display()
        )
    }

    async fn workplace(&self, others: &str) -> (Workplace, Gateways) {
        let workplace = Workplace::with(&self.settings(others)).await;
        let gateways = Gateways::open(&workplace.portal).unwrap();
        (workplace, gateways)
    }
}

/// Where npm put `smpp`: a directory that `cargo xtask test` has on PATH, or the cache of tools.
fn package() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|directory| directory.ends_with("node_modules/smpp"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let kept = cache.map(|cache| cache.join("qcert/tools/smpp-0.5.1/node_modules/smpp"));
    on_path.or(kept.filter(|directory| directory.is_dir())).expect("`cargo xtask setup` installs npm's smpp")
}

fn text(parts: &[Value]) -> String {
    parts.iter().map(|part| part["text"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_in_cyrillic_goes_in_parts_and_is_delivered_when_all_of_them_are() {
    let centre = Centre::start().await;
    let name = "[authority]\nname = 'Удостоверяющий центр с очень длинным именем, как бывает'";
    let (workplace, gateways) = centre.workplace(name).await;
    assert_eq!(centre.says("bind").await, json!({"id": "qcert", "password": "s3cret", "version": 0x34}));
    order(&workplace).await;
    assert_eq!(send(&workplace, &gateways).await, 1);
    becomes(&workplace, MessageState::Delivered).await;
    let parts = centre.all("submit");
    assert_eq!(parts.len(), 2);
    for (number, part) in parts.iter().enumerate() {
        assert_eq!((part["to"].as_str(), part["from"].as_str()), (PHONE.strip_prefix('+'), Some("QCERT")));
        assert_eq!((part["coding"].as_u64(), part["receipt"].as_u64()), (Some(8), Some(1)));
        assert!((590..=600).contains(&part["lives"].as_i64().unwrap()), "as long as the password: {part}");
        let header = part["udh"][0].as_str().unwrap();
        assert!(header.starts_with("0003") && header.ends_with(&format!("020{}", number + 1)), "{header}");
    }
    sign_in(&workplace, &text(&parts)).await;
    assert_eq!(centre.says_times("receipt", 2).await, [0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_says_that_a_message_was_not_delivered() {
    let mut centre = Centre::start().await;
    centre.tell(json!({"receipt": "UNDELIV"})).await;
    let (workplace, gateways) = centre.workplace("").await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    becomes(&workplace, MessageState::Undelivered).await;
    assert_eq!(state(&workplace).await.1.as_deref(), Some("report_UNDELIV"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_centre_that_is_asked_for_too_much_has_its_rest() {
    let mut centre = Centre::start().await;
    centre.tell(json!({"throttle": 1})).await;
    let (workplace, gateways) = centre.workplace("").await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    becomes(&workplace, MessageState::Delivered).await;
    let at: Vec<i64> = centre.all("submit").iter().map(|part| part["at"].as_i64().unwrap()).collect();
    assert_eq!(at.len(), 2, "the same message twice");
    assert!(at[1] - at[0] >= 900, "{at:?}");

    // One that goes on saying so has the message later.
    centre.tell(json!({"throttle": 99})).await;
    workplace.clock.advance(Duration::minutes(2));
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Waiting, Some("throttled".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_centre_refuses_is_refused() {
    let mut centre = Centre::start().await;
    centre.tell(json!({"refuse": 1})).await;
    let (workplace, gateways) = centre.workplace("").await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Refused, Some("status_0000000B".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_message_on_its_way_to_a_centre_that_dies_nobody_knows_and_the_session_is_opened_again() {
    let mut centre = Centre::start().await;
    let (workplace, gateways) = centre.workplace("").await;
    centre.says("bind").await;
    centre.tell(json!({"die": true})).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Unknown, Some("connection_lost".into())));
    centre.tell(json!({"die": false})).await;
    centre.says_times("bind", 2).await;
    workplace.clock.advance(Duration::minutes(2));
    assert_eq!(send(&workplace, &gateways).await, 0, "it is not sent again");
    assert_eq!(centre.all("submit").len(), 1);
    order(&workplace).await;
    eventually("a session", || async {
        workplace.clock.advance(Duration::seconds(5));
        send(&workplace, &gateways).await;
        (latest(&workplace).await.state != MessageState::Waiting).then_some(())
    })
    .await;
    becomes(&workplace, MessageState::Delivered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_centre_that_does_not_answer_in_time_may_have_sent() {
    let mut centre = Centre::start().await;
    centre.tell(json!({"mute": true})).await;
    let (workplace, gateways) = centre.workplace("").await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Unknown, Some("timeout".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_centre_that_is_killed_or_wants_another_password_leaves_messages_waiting() {
    let mut centre = Centre::start().await;
    let (workplace, gateways) = centre.workplace("").await;
    centre.says("bind").await;
    centre.child.kill().unwrap();
    centre.child.wait().unwrap();
    order(&workplace).await;
    // Until the session knows.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Waiting, Some("connection".into())));

    let centre = Centre::start().await;
    let settings = centre.settings("");
    std::fs::write(centre.directory.path().join("secret"), "wrong").unwrap();
    let workplace = Workplace::with(&settings).await;
    let gateways = Gateways::open(&workplace.portal).unwrap();
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Waiting, Some("connection".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_asked_whether_it_lives_and_a_dead_one_is_opened_again() {
    let mut centre = Centre::start().await;
    let (_workplace, gateways) = centre.workplace("enquire_link_seconds = 1").await;
    centre.says_times("enquired", 2).await;
    assert_eq!(centre.all("bind").len(), 1, "it lives");
    centre.tell(json!({"deaf": true})).await;
    centre.says_times("bind", 2).await;
    centre.tell(json!({"deaf": false})).await;
    for gateway in gateways.iter() {
        gateway.close().await;
    }
    centre.says("unbind").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_by_tls_believes_whom_it_is_told_to_alone() {
    let centre = Centre::by_tls().await;
    let ca = centre.directory.path().join("ca.pem");
    let (workplace, gateways) = centre.workplace(&format!("tls = 'on'\nca_file = '{}'", ca.display())).await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    becomes(&workplace, MessageState::Delivered).await;

    let (workplace, gateways) = centre.workplace("tls = 'on'").await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Waiting, Some("connection".into())));
    assert_eq!(centre.all("bind").len(), 1);
}
