//! A person's workplace in a temporary folder: SoftHSM tokens, a home, a configuration, and the real host over pipes.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::{Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use serde_json::{Value, json};

pub const ORIGIN: &str = "http://localhost:8080";
pub const CONTAINER: &str = "67092365@2013-04-11-ООО «АвтоСпор»";
/// Not the factory's.
pub const PIN: &str = "пин-4711";

/// SoftHSM, wherever Debian puts it.
pub fn softhsm() -> PathBuf {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
    places.iter().map(PathBuf::from).find(|path| path.exists()).expect("softhsm2 is installed")
}

pub struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    /// One token, labelled `first`, and a configuration that allows [`ORIGIN`].
    pub fn new() -> Self {
        let this = Self::without_token();
        this.add_token("first", PIN);
        this
    }

    pub fn without_token() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self { folder };
        for name in ["tokens", "home"] {
            std::fs::create_dir(this.path(name)).unwrap();
        }
        let softhsm_conf = format!("directories.tokendir = {}\nlog.level = ERROR\n", this.path("tokens").display());
        std::fs::write(this.path("softhsm2.conf"), softhsm_conf).unwrap();
        this.configure(&format!("allowed_origins = ['{ORIGIN}']\nmodules = ['{}']\n", softhsm().display()));
        this
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn configure(&self, text: &str) {
        std::fs::write(self.path("host.toml"), text).unwrap();
    }

    pub fn add_token(&self, label: &str, pin: &str) {
        let arguments = ["--init-token", "--free", "--label", label, "--so-pin", "87654321", "--pin", pin];
        let output = self.run("softhsm2-util", arguments);
        assert!(output.status.success(), "{output:?}");
    }

    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("HOME", self.path("home"))
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_STATE_HOME")
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .env_remove("QCERT_PKCS11_MODULE")
            // The shim goes by a file if there is one.
            .env("QCERT_SHIM_MODULE", softhsm())
            .env("QCERT_SHIM_CONTROL", self.path("control"))
            .env("KRYOPTIC_CONF", self.path("kryoptic.toml"))
            .env("QCERT_HOST_CONFIG", self.path("host.toml"));
        command
    }

    pub fn run<S: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command(program).args(arguments).output().unwrap()
    }

    /// The host as a person starts it.
    pub fn host<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.run(env!("CARGO_BIN_EXE_qcert-host"), arguments)
    }

    /// The host as a browser starts it, after its hello.
    pub fn browser(&self) -> Browser {
        let mut browser = Browser::start(self.command(env!("CARGO_BIN_EXE_qcert-host")));
        assert_eq!(browser.next()["event"], "hello");
        browser
    }

    pub fn openssl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// What `pkcs11-tool` sees on a token after a login with [`PIN`].
    pub fn objects(&self, token: &str) -> String {
        String::from_utf8_lossy(&self.tool(token, &["-O"]).stdout).into_owned()
    }

    /// What `pkcs11-tool` does on a token after a login with [`PIN`].
    pub fn tool(&self, token: &str, arguments: &[&str]) -> Output {
        let module = softhsm();
        let login = ["--module", module.to_str().unwrap(), "--token-label", token, "--login", "--pin", PIN];
        self.run("pkcs11-tool", login.iter().chain(arguments))
    }

    /// A module of C, compiled now and named in the configuration before SoftHSM.
    pub fn add_module(&self, name: &str, source: &str) {
        let source = self.file(&format!("{name}.c"), source);
        let module = self.path(&format!("{name}.so"));
        let made = Command::new("cc").args(["-shared", "-fPIC", "-pthread", "-o"]).args([&module, &source]).status();
        assert!(made.unwrap().success());
        let modules = format!("'{}', '{}'", module.display(), softhsm().display());
        self.configure(&format!("allowed_origins = ['{ORIGIN}']\nmodules = [{modules}]"));
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// The browser's end of the pipes.
pub struct Browser {
    child: Child,
    pipe: Option<ChildStdin>,
    frames: Receiver<Vec<u8>>,
    next_id: u32,
    /// Everything that the host said, for tests that look for a secret.
    pub heard: Vec<u8>,
}

impl Browser {
    pub fn start(command: Command) -> Self {
        let (mut browser, pipe, mut stdout) = Self::start_deaf(command);
        let (sender, frames) = mpsc::channel();
        std::thread::spawn(move || while next_bytes(&mut stdout).is_some_and(|frame| sender.send(frame).is_ok()) {});
        (browser.pipe, browser.frames) = (Some(pipe), frames);
        browser
    }

    /// One that leaves both pipes to the test.
    pub fn start_deaf(mut command: Command) -> (Self, ChildStdin, ChildStdout) {
        command.arg("chrome-extension://janafhkdmnhiphgcpjmeohjibkidkkib/");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (pipe, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        (Self { child, pipe: None, frames: mpsc::channel().1, next_id: 0, heard: Vec::new() }, pipe, stdout)
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.pipe.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub fn send_text(&mut self, text: &str) {
        let length = (text.len() as u32).to_ne_bytes();
        self.write(&[&length, text.as_bytes()].concat());
    }

    /// Sends a request and says its id.
    pub fn send(&mut self, command: &str, params: Value, authorization: Value) -> String {
        self.next_id += 1;
        let id = format!("request-{}", self.next_id);
        let mut request = json!({"id": id, "origin": ORIGIN, "command": command, "params": params});
        if !authorization.is_null() {
            request["authorization"] = authorization;
        }
        self.send_text(&request.to_string());
        id
    }

    /// The next frame of any kind.
    pub fn next(&mut self) -> Value {
        let frame = self.frames.recv_timeout(Duration::from_secs(60)).expect("the host says something");
        self.heard.extend_from_slice(&frame);
        serde_json::from_slice(&frame).unwrap()
    }

    /// Is nothing said for this long?
    pub fn is_silent(&mut self, milliseconds: u64) -> bool {
        self.frames.recv_timeout(Duration::from_millis(milliseconds)).is_err()
    }

    /// The answer to a request; events are passed over.
    pub fn answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.next();
            if frame["id"] == id && frame.get("event").is_none() {
                return frame;
            }
        }
    }

    /// Asks and expects a result.
    pub fn ask(&mut self, command: &str, params: Value, authorization: Value) -> Value {
        let id = self.send(command, params, authorization);
        let answer = self.answer(&id);
        assert!(answer["error"].is_null(), "{command}: {answer}");
        answer["result"].clone()
    }

    /// Asks and expects an error.
    pub fn refused(&mut self, command: &str, params: Value, authorization: Value) -> Value {
        let id = self.send(command, params, authorization);
        let answer = self.answer(&id);
        assert!(answer["result"].is_null(), "{command}: {answer}");
        answer["error"].clone()
    }

    /// The id of the token with this label.
    pub fn token(&mut self, label: &str) -> String {
        let tokens = self.ask("listTokens", Value::Null, Value::Null);
        let readers = tokens["readers"].as_array().unwrap();
        let reader = readers.iter().find(|reader| reader["token"]["name"]["label"] == label);
        reader.unwrap_or_else(|| panic!("{tokens}"))["token"]["id"].as_str().unwrap().to_owned()
    }

    /// A request made on a token with [`PIN`].
    pub fn create_request(&mut self, token: &str, algorithm: &str) -> Value {
        let id = self.token(token);
        self.ask("createRequest", request_params(&id, algorithm), json!({"pin": PIN}))
    }

    /// The host's folder under /proc.
    pub fn process(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.child.id()))
    }

    /// The workers' folders under /proc, by the modules' names.
    pub fn workers(&self) -> BTreeMap<String, PathBuf> {
        // A thread or process may end while it is looked at.
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        let tasks = std::fs::read_dir(self.process().join("task")).unwrap();
        let children = tasks.map(|task| read(task.unwrap().path().join("children"))).collect::<String>();
        let workers = children.split_whitespace().map(|id| PathBuf::from("/proc").join(id));
        let named = workers.filter_map(|worker| {
            let arguments = read(worker.join("cmdline"));
            let mut arguments = arguments.split('\0').skip_while(|argument| *argument != "module-worker").skip(1);
            Some((Path::new(arguments.next()?).file_stem()?.to_str()?.to_owned(), worker))
        });
        named.collect()
    }

    /// The folder under /proc of the only worker.
    pub fn worker(&self) -> PathBuf {
        let workers = self.workers();
        assert_eq!(workers.len(), 1, "{workers:?}");
        workers.into_values().next().unwrap()
    }

    /// How much memory of the host and its workers is kept out of swap.
    pub fn locked_kilobytes(&self) -> u32 {
        let workers: u32 = self.workers().values().map(|worker| kilobytes(worker, "VmLck:")).sum();
        workers + kilobytes(&self.process(), "VmLck:")
    }

    /// The most memory that the host had so far.
    pub fn peak_kilobytes(&self) -> u32 {
        kilobytes(&self.process(), "VmHWM:")
    }

    /// The host's memory, for who may read it.
    pub fn memory(&self) -> std::io::Result<std::fs::File> {
        std::fs::File::open(self.process().join("mem"))
    }

    /// Is this in the memory of the host or a worker now?
    pub fn remembers(&self, secret: &str) -> bool {
        let remembers = |process: &Path| remembers(process, secret.as_bytes());
        remembers(&self.process()) || self.workers().values().any(|worker| remembers(worker))
    }

    /// Closes the pipe; the host's exit and what it wrote to stderr.
    pub fn close(mut self) -> (bool, String) {
        drop(self.pipe.take());
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().success(), stderr)
    }
}

/// Is this in a process's memory now?
pub fn remembers(process: &Path, secret: &[u8]) -> bool {
    let memory = std::fs::File::open(process.join("mem")).unwrap();
    text(&process.join("maps")).lines().filter(|line| line.contains(" rw")).any(|line| {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let from = u64::from_str_radix(from, 16).unwrap();
        let mut region = vec![0; usize::try_from(u64::from_str_radix(to, 16).unwrap() - from).unwrap()];
        // Some regions are the kernel's own.
        memory.read_exact_at(&mut region, from).is_ok() && region.windows(secret.len()).any(|window| window == secret)
    })
}

/// What the system tells of a process's memory.
pub fn kilobytes(process: &Path, name: &str) -> u32 {
    let status = text(&process.join("status"));
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn next_bytes(pipe: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    pipe.read_exact(&mut length).ok()?;
    let length = u32::from_ne_bytes(length) as usize;
    assert!(length <= 512 * 1024, "not a frame");
    let mut frame = vec![0; length];
    pipe.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// The next frame of a pipe that is the test's; none at its end.
pub fn next_frame(pipe: &mut impl Read) -> Option<Value> {
    Some(serde_json::from_slice(&next_bytes(pipe)?).unwrap())
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn request_params(token: &str, algorithm: &str) -> Value {
    json!({
        "token": token, "container": CONTAINER, "commonName": "ООО «АвтоСпор»", "algorithm": algorithm,
        "sensor": base64(&[0x5a; 64]),
    })
}

/// What the portal gives for a proof.
pub const NONCE: [u8; 32] = [0x6e; 32];

pub fn renew_params(token: &str, algorithm: &str, old: &Value) -> Value {
    let mut params = request_params(token, algorithm);
    params["renews"] = json!({"keyId": old, "nonce": base64(&NONCE)});
    params
}

pub fn again_params(token: &str, key_id: &Value) -> Value {
    json!({"token": token, "container": CONTAINER, "keyId": key_id, "commonName": "ООО «АвтоСпор»"})
}

pub fn install_params(token: &str, certificate: &[u8]) -> Value {
    json!({"token": token, "container": CONTAINER, "certificate": base64(certificate)})
}

pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn from_base64(value: &Value) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// A certificate for a request, DER, by an authority that exists for a moment only.
pub fn certify(workplace: &Workplace, request: &Value) -> Vec<u8> {
    certify_for(workplace, request, 1)
}

/// One that ends after so many days; in the past, if their number is below zero.
pub fn certify_for(workplace: &Workplace, request: &Value, days: i32) -> Vec<u8> {
    let der = from_base64(&request["certificationRequest"]);
    workplace.file("request.csr", der);
    if !workplace.path("ca.key").exists() {
        let made = workplace.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-subj",
            "/CN=Test CA",
            "-days",
            "2",
        ]);
        assert!(made.status.success(), "{made:?}");
    }
    let issued = workplace.openssl(&[
        "x509",
        "-req",
        "-in",
        "request.csr",
        "-inform",
        "DER",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-days",
        &days.to_string(),
        "-out",
        "certificate.cer",
        "-outform",
        "DER",
    ]);
    assert!(issued.status.success(), "{issued:?}");
    std::fs::read(workplace.path("certificate.cer")).unwrap()
}

pub fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Waits until something is so, ten seconds at most.
pub fn eventually(what: &str, so: impl Fn() -> bool) {
    let waited = (0..1000).any(|_| so() || (std::thread::sleep(Duration::from_millis(10)), false).1);
    assert!(waited, "{what}");
}
