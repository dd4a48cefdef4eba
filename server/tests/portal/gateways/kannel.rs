//! Kannel, with the settings that `docs/administration.md` gives for it: bearerbox, smsbox, and the fakesmsc that comes
//! with them.

use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use qcert_server::{sms::gateway::Gateways, store::MessageState};
use tempfile::TempDir;
use time::Duration;

use super::{becomes, eventually, free_port, order, send, sign_in, state};
use crate::support::Workplace;

const FAKESMSC: &str = "/usr/lib/kannel/test/fakesmsc";

/// A program that ends with its test.
struct Program(Child);

impl Program {
    fn start(program: &str, arguments: &[&str], output: &Path) -> Self {
        let file = || std::fs::File::create(output).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(file()).stderr(Stdio::null());
        Self(command.spawn().unwrap_or_else(|error| panic!("{program} (Debian: kannel, kannel-extras): {error}")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Kannel {
    directory: TempDir,
    send_port: u16,
    _bearerbox: Program,
    smsbox: Option<Program>,
    _fakesmsc: Program,
}

impl Kannel {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [admin, boxes, smsc, send_port] = [(); 4].map(|()| free_port());
        let configuration = directory.path().join("kannel.conf");
        let text = format!(
            "group = core\nadmin-port = {admin}\nadmin-password = x\nsmsbox-port = {boxes}\ndlr-storage = internal\n\n\
             group = smsc\nsmsc = fake\nsmsc-id = FAKE\nport = {smsc}\nconnect-allow-ip = 127.0.0.1\n\n\
             group = smsbox\nbearerbox-host = 127.0.0.1\nsendsms-port = {send_port}\n\
             sendsms-interface = 127.0.0.1\nglobal-sender = 13013\n\n\
             group = sendsms-user\nusername = qcert\npassword = 's &c?ret'\nmax-messages = 10\nconcatenation = true\n\n\
             group = sms-service\nkeyword = default\nmax-messages = 0\ntext = none\n"
        );
        std::fs::write(&configuration, text.replace("'s &c?ret'", "\"s &c?ret\"")).unwrap();
        let configuration = configuration.to_str().unwrap();
        let bearerbox = Program::start("/usr/sbin/bearerbox", &[configuration], &directory.path().join("bearerbox"));
        listens(boxes).await;
        listens(smsc).await;
        let (port, said) = (smsc.to_string(), directory.path().join("fakesmsc"));
        let arguments = ["-H", "127.0.0.1", "-r", &port, "-i", "3600", "-m", "1", "100 200 text hello"];
        let fakesmsc =
            Program::start("sh", &["-c", &script(FAKESMSC, &arguments, &said)], &directory.path().join("sh"));
        let mut kannel = Self { directory, send_port, _bearerbox: bearerbox, smsbox: None, _fakesmsc: fakesmsc };
        kannel.start_smsbox().await;
        eventually("a fakesmsc", || async { kannel.said().contains("sent message 1").then_some(()) }).await;
        kannel
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn start_smsbox(&mut self) {
        let configuration = self.path("kannel.conf");
        let smsbox = Program::start("/usr/sbin/smsbox", &[configuration.to_str().unwrap()], &self.path("smsbox"));
        self.smsbox = Some(smsbox);
        listens(self.send_port).await;
    }

    /// What the fakesmsc said.
    fn said(&self) -> String {
        std::fs::read_to_string(self.path("fakesmsc")).unwrap_or_default()
    }

    /// A portal whose messages go by Kannel, listening for its reports.
    async fn workplace(&self, secret: &str) -> (Workplace, Gateways) {
        std::fs::write(self.path("secret"), secret).unwrap();
        let chmod = Command::new("chmod").arg("600").arg(self.path("secret")).status().unwrap();
        assert!(chmod.success());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let settings = documented()
            .replace("http://127.0.0.1:13013/", &format!("http://127.0.0.1:{}/", self.send_port))
            .replace("/etc/qcert/kannel.secret", self.path("secret").to_str().unwrap());
        let workplace = Workplace::with(&format!("[server]\norigin = '{origin}'\n{settings}")).await;
        let service = workplace.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let gateways = Gateways::open(&workplace.portal).unwrap();
        (workplace, gateways)
    }
}

/// fakesmsc writes to stderr.
fn script(program: &str, arguments: &[&str], output: &Path) -> String {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    format!("exec {program} {} 2>'{}'", quoted.join(" "), output.display())
}

/// The settings for Kannel in the administrators' book.
fn documented() -> String {
    const BOOK: &str = include_str!("../../../../docs/administration.md");
    let block = BOOK.split("```toml\n").find(|block| block.starts_with("# Kannel")).unwrap();
    block.split("```").next().unwrap().to_owned()
}

async fn listens(port: u16) {
    let look = || async move { TcpStream::connect(("127.0.0.1", port)).ok() };
    eventually("a Kannel that listens", look).await;
}

/// The words of the last message that the fakesmsc got.
fn words(said: &str) -> Option<String> {
    let line = said.lines().rev().find(|line| line.contains("Got message"))?;
    let encoded = line.split(" ucs-2 ").nth(1)?.strip_suffix('>')?;
    let (mut bytes, mut rest) = (Vec::new(), encoded.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_message_goes_through_kannel_and_its_delivery_is_reported() {
    let kannel = Kannel::start().await;
    let (workplace, gateways) = kannel.workplace("s &c?ret").await;
    order(&workplace).await;
    assert_eq!(send(&workplace, &gateways).await, 1);
    becomes(&workplace, MessageState::Delivered).await;
    let words = words(&kannel.said()).unwrap();
    assert!(words.starts_with("Удостоверяющий центр Qcert: пароль для входа "), "{words}");
    sign_in(&workplace, &words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_waits_while_kannel_is_away_and_is_refused_to_a_wrong_password() {
    let mut kannel = Kannel::start().await;
    kannel.smsbox = None;
    let (workplace, gateways) = kannel.workplace("s &c?ret").await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Waiting, Some("connection".into())));
    kannel.start_smsbox().await;
    workplace.clock.advance(Duration::seconds(2));
    send(&workplace, &gateways).await;
    becomes(&workplace, MessageState::Delivered).await;

    let (workplace, gateways) = kannel.workplace("another").await;
    order(&workplace).await;
    send(&workplace, &gateways).await;
    assert_eq!(state(&workplace).await, (MessageState::Refused, Some("status_403".into())));
}
