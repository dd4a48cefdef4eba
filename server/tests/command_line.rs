//! The program as it is typed.

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::TcpStream,
        path::Path,
        process::{Child, ChildStdout, Command, Output, Stdio},
    };

    fn server(directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qcert-server"));
        command.current_dir(directory).args(arguments).env("QCERT__SERVER__LISTEN", "127.0.0.1:0");
        command
    }

    fn run(directory: &Path, arguments: &[&str]) -> Output {
        server(directory, arguments).output().unwrap()
    }

    fn stderr(output: &Output) -> String {
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// A server that is ended with its test.
    struct Serving {
        child: Child,
        port: u16,
        _stdout: BufReader<ChildStdout>,
    }

    impl Serving {
        fn start(directory: &Path) -> Self {
            let mut child = server(directory, &["serve"]).stdout(Stdio::piped()).spawn().unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let port = line.trim().strip_prefix("listening on http://localhost:").unwrap().parse().unwrap();
            Self { child, port, _stdout: stdout }
        }

        fn get(&self, path: &str) -> String {
            self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
        }

        fn ask(&self, line: &str, body: &str) -> String {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
            let headers = format!("Host: localhost\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
            let media = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
            write!(stream, "{line}{headers}{media}\r\n{body}").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        }
    }

    impl Drop for Serving {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[test]
    fn serving_without_an_authority_says_how_to_make_one() {
        let directory = tempfile::tempdir().unwrap();
        let output = run(directory.path(), &["serve"]);
        assert!(!output.status.success());
        assert!(stderr(&output).contains("`qcert-server ca init`"), "{}", stderr(&output));
    }

    #[test]
    fn an_authority_is_made_once_and_its_keys_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        assert!(run(directory.path(), &["ca", "init"]).status.success());
        let key = directory.path().join("data/ca/root.key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let before = std::fs::read(&key).unwrap();
        let again = run(directory.path(), &["ca", "init"]);
        assert!(!again.status.success() && stderr(&again).contains("never overwritten"), "{}", stderr(&again));
        assert_eq!(std::fs::read(&key).unwrap(), before);
    }

    #[test]
    fn applications_are_imported_and_listed() {
        let directory = tempfile::tempdir().unwrap();
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/applications.json");
        let imported = run(directory.path(), &["applications", "import", demo]);
        assert_eq!(String::from_utf8_lossy(&imported.stdout), "6 added, 0 changed, 0 unchanged\n");
        let listed = run(directory.path(), &["applications", "list", "--json"]);
        let list: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!((list[0]["number"].as_str(), list[0]["state"].as_str()), (Some("67092365"), Some("available")));
        let certificates = run(directory.path(), &["certificates", "list", "--json"]);
        assert_eq!(String::from_utf8_lossy(&certificates.stdout), "[]\n");
    }

    #[test]
    fn what_became_of_text_messages_is_listed_and_never_what_they_said() {
        let directory = with_applications();
        let serving = Serving::start(directory.path());
        let ordered = serving.ask("POST /api/v1/sign-in/password HTTP/1.1\r\n", r#"{"phone":"+79222114545"}"#);
        assert!(ordered.starts_with("HTTP/1.1 202"), "{ordered}");
        let outbox = directory.path().join("data/sms.jsonl");
        let sent = (0..150).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            std::fs::read_to_string(&outbox).ok().filter(|text| text.ends_with('\n'))
        });
        let sent: serde_json::Value = serde_json::from_str(&sent.unwrap()).unwrap();
        let code = sent["text"].as_str().unwrap().rsplit('#').next().unwrap();
        // Its end is noted behind it.
        let listed = (0..150).find_map(|_| {
            let listed = run(directory.path(), &["messages", "list", "--phone", "+7 922 211-45-45", "--json"]).stdout;
            let list: serde_json::Value = serde_json::from_slice(&listed).unwrap();
            (list[0]["state"] == "accepted").then_some(list)
        });
        let listed = listed.unwrap();
        assert_eq!((&listed[0]["phone"], &listed[0]["purpose"]), (&"+79222114545".into(), &"signIn".into()));
        assert_eq!((&listed[0]["gateway"], listed.as_array().unwrap().len()), (&"outbox".into(), 1));
        let line = String::from_utf8(run(directory.path(), &["messages", "list"]).stdout).unwrap();
        assert!(line.contains("+79222114545  signIn        accepted     outbox"), "{line}");
        for said in [listed.to_string(), line] {
            assert!(!said.contains(&format!("#{code}")) && !said.contains("пароль"), "{said}");
        }
        let nobody = run(directory.path(), &["messages", "list", "--phone", "+79120000217", "--json"]);
        assert_eq!(String::from_utf8_lossy(&nobody.stdout), "[]\n");
    }

    #[test]
    fn a_server_that_is_told_to_end_hears_first_what_became_of_its_messages() {
        let directory = with_applications();
        let gateway = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/{{{{phone}}}}/{{{{text}}}}", gateway.local_addr().unwrap());
        let settings = format!("[sms.first]\nkind = 'http'\nurl = '{url}'");
        std::fs::write(directory.path().join("qcert.toml"), settings).unwrap();
        let mut serving = Serving::start(directory.path());
        serving.ask("POST /api/v1/sign-in/password HTTP/1.1\r\n", r#"{"phone":"+79222114545"}"#);
        let (mut asked, _) = gateway.accept().unwrap();
        assert!(asked.read(&mut [0; 4096]).unwrap() > 0);
        let id = serving.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        std::thread::sleep(std::time::Duration::from_millis(500));
        asked.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert!(serving.child.wait().unwrap().success());
        let listed = run(directory.path(), &["messages", "list", "--json"]).stdout;
        let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
        assert_eq!(listed[0]["state"], "accepted", "{listed}");
    }

    #[test]
    fn in_production_a_server_whose_text_messages_would_reach_nobody_does_not_start() {
        let directory = tempfile::tempdir().unwrap();
        let settings = "environment = 'production'\n[server]\norigin = 'https://qcert.example'";
        std::fs::write(directory.path().join("qcert.toml"), settings).unwrap();
        let refused = run(directory.path(), &["serve"]);
        assert!(
            !refused.status.success() && stderr(&refused).contains("sms_outbox_in_production"),
            "{}",
            stderr(&refused)
        );
    }

    #[test]
    fn operators_are_added_with_a_token_that_is_shown_once_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let add = ["operators", "add", "anna", "--role", "approver", "--role", "auditor", "--days", "5", "--json"];
        let added: serde_json::Value = serde_json::from_slice(&run(directory.path(), &add).stdout).unwrap();
        let token = added["token"].as_str().unwrap();
        assert!(token.starts_with("qcert_operator_") && added["roles"] == serde_json::json!(["approver", "auditor"]));
        let listed = String::from_utf8(run(directory.path(), &["operators", "list", "--json"]).stdout).unwrap();
        assert!(listed.contains("\"anna\"") && !listed.contains(token), "{listed}");
        let again = run(directory.path(), &add);
        assert_eq!(again.status.code(), Some(3), "{}", stderr(&again));
        assert!(run(directory.path(), &["operators", "remove", "anna"]).status.success());
        assert_eq!(run(directory.path(), &["operators", "remove", "anna"]).status.code(), Some(3));
        assert_eq!(run(directory.path(), &["operators", "add", "boris", "--role", "king"]).status.code(), Some(2));
        assert_eq!(run(directory.path(), &["--config", "missing.toml", "operators", "list"]).status.code(), Some(1));
    }

    #[test]
    fn a_table_is_imported_and_searched_and_what_is_wrong_with_it_is_told_to_scripts() {
        let directory = with_applications();
        let columns = "number;phone;kind;surname;givenName;country;region;locality;email;snils;innPerson\n";
        let line = "70000001;89990000001;person;Щукин;Пётр Ильич;RU;66 Свердловская область;Екатеринбург;p@e.ru";
        let good = format!("{columns}{line};075-001-221 05;500100732259\n");
        let file = directory.path().join("table.csv");
        std::fs::write(&file, good.replace("221 05", "221 06")).unwrap();
        let refused = run(directory.path(), &["applications", "import", "table.csv", "--json"]);
        assert_eq!(refused.status.code(), Some(3));
        let told: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
        let fault = &told["faults"][0];
        assert_eq!((&fault["line"], &fault["field"]), (&serde_json::json!(2), &serde_json::json!("snils")));
        assert!(stderr(&refused).contains("line 2: snils: check digits do not fit"), "{}", stderr(&refused));
        std::fs::write(&file, good).unwrap();
        let imported = run(directory.path(), &["applications", "import", "table.csv"]);
        assert_eq!(String::from_utf8_lossy(&imported.stdout), "1 added, 0 changed, 0 unchanged\n");
        let found = run(directory.path(), &["applications", "search", "name", "щукин", "--json"]);
        let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
        assert_eq!((&found[0]["number"], found.as_array().unwrap().len()), (&serde_json::json!("70000001"), 1));
        let wrong = run(directory.path(), &["applications", "search", "snils", "1"]);
        assert_eq!(wrong.status.code(), Some(3));
        assert!(stderr(&wrong).contains("field_invalid; value: not of the expected form"), "{}", stderr(&wrong));
    }

    #[test]
    fn a_new_phone_is_proposed_and_waits() {
        let directory = with_applications();
        let propose = ["phones", "propose", "67092365", "+79990000000", "--by", "anna", "--json"];
        let proposed: serde_json::Value = serde_json::from_slice(&run(directory.path(), &propose).stdout).unwrap();
        let id = proposed["id"].as_str().unwrap();
        let same = run(directory.path(), &["phones", "confirm", id, "--by", "anna"]);
        assert!(same.status.code() == Some(3) && stderr(&same).contains("second_operator_required"), "{same:?}");
        let early = run(directory.path(), &["phones", "confirm", id, "--by", "boris"]);
        assert!(early.status.code() == Some(3) && stderr(&early).contains("phone_change_too_early; in "), "{early:?}");
        assert!(run(directory.path(), &["phones", "cancel", id, "--by", "boris"]).status.success());
        assert_eq!(String::from_utf8_lossy(&run(directory.path(), &["phones", "list"]).stdout), "");
        let unlocked = run(directory.path(), &["phones", "unlock", "+79222114545"]);
        assert_eq!(String::from_utf8_lossy(&unlocked.stdout), "no try was taken from it\n");
        assert_eq!(String::from_utf8_lossy(&run(directory.path(), &["mistakes", "list", "--json"]).stdout), "[]\n");
    }

    #[test]
    fn settings_that_cannot_be_used_are_all_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("bad.toml"), "[otp]\ntries = 0\nlives = 9").unwrap();
        let output = run(directory.path(), &["--config", "bad.toml", "serve"]);
        assert!(stderr(&output).contains("otp.tries") && stderr(&output).contains("otp.lives"), "{}", stderr(&output));
    }

    #[test]
    fn a_server_tells_where_it_listens_and_ends_when_it_is_told_to() {
        let directory = tempfile::tempdir().unwrap();
        assert!(run(directory.path(), &["ca", "init"]).status.success());
        let mut serving = Serving::start(directory.path());
        assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
        assert!(serving.get("/api/v1/configuration").contains("supportPhone"));
        let id = serving.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(serving.child.wait().unwrap().success());
    }

    #[test]
    fn a_server_does_not_wait_for_a_request_that_never_comes_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        assert!(run(directory.path(), &["ca", "init"]).status.success());
        let mut serving = Serving::start(directory.path());
        let mut stuck = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
        write!(stuck, "GET /healthz HT").unwrap();
        // Once this is answered the connection before it was taken, too.
        serving.get("/healthz");
        let id = serving.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let ended = (0..150).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            serving.child.try_wait().unwrap()
        });
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    }

    /// A directory with an authority and the demo's applications.
    fn with_applications() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/applications.json");
        for arguments in [["ca", "init"].as_slice(), &["applications", "import", demo]] {
            assert!(run(directory.path(), arguments).status.success());
        }
        directory
    }

    fn applications(directory: &Path) -> String {
        String::from_utf8(run(directory, &["applications", "list"]).stdout).unwrap()
    }

    fn files(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_backup_of_a_running_server_is_whole_private_and_never_takes_anothers_place() {
        use std::os::unix::fs::PermissionsExt;
        let directory = with_applications();
        let serving = Serving::start(directory.path());
        let output = run(directory.path(), &["backup", "copy.sqlite"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("secret.key") && said.contains("data/ca"), "{output:?}");
        assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
        assert_eq!(files(directory.path()), ["copy.sqlite", "data"]);
        let copy = directory.path().join("copy.sqlite");
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        let before = std::fs::read(&copy).unwrap();
        let again = run(directory.path(), &["backup", "copy.sqlite"]);
        assert!(!again.status.success() && stderr(&again).contains("is there already"), "{}", stderr(&again));
        assert_eq!(std::fs::read(&copy).unwrap(), before);
    }

    #[test]
    fn a_restored_backup_is_the_database_and_the_one_before_is_kept() {
        let directory = with_applications();
        let listed = applications(directory.path());
        assert!(run(directory.path(), &["backup", "copy.sqlite"]).status.success());
        let data = directory.path().join("data");
        std::fs::remove_file(data.join("qcert.sqlite")).unwrap();
        assert!(run(directory.path(), &["restore", "copy.sqlite"]).status.success());
        assert_eq!(applications(directory.path()), listed);

        let twice = run(directory.path(), &["restore", "copy.sqlite"]);
        assert!(!twice.status.success() && stderr(&twice).contains("--replace"), "{}", stderr(&twice));
        // Damaged, and with the traces of a server that was killed.
        std::fs::write(data.join("qcert.sqlite"), [7; 8192]).unwrap();
        std::fs::write(data.join("qcert.sqlite-wal"), [7; 64]).unwrap();
        let replaced = run(directory.path(), &["restore", "copy.sqlite", "--replace"]);
        assert!(replaced.status.success(), "{}", stderr(&replaced));
        assert_eq!(applications(directory.path()), listed);
        assert_eq!(std::fs::read(data.join("qcert.sqlite.replaced")).unwrap(), [7; 8192]);
    }

    #[test]
    fn nothing_is_restored_while_a_server_runs() {
        let directory = with_applications();
        assert!(run(directory.path(), &["backup", "copy.sqlite"]).status.success());
        let serving = Serving::start(directory.path());
        let refused = run(directory.path(), &["restore", "copy.sqlite", "--replace"]);
        assert!(!refused.status.success() && stderr(&refused).contains("stop the server"), "{}", stderr(&refused));
        assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
        drop(serving);
        assert!(run(directory.path(), &["restore", "copy.sqlite", "--replace"]).status.success());
    }

    #[test]
    fn what_is_no_whole_backup_of_this_server_is_not_restored() {
        let directory = with_applications();
        let listed = applications(directory.path());
        assert!(run(directory.path(), &["backup", "copy.sqlite"]).status.success());
        let whole = std::fs::read(directory.path().join("copy.sqlite")).unwrap();
        let mut newer = whole.clone();
        // user_version, in the file's header.
        newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
        let mut damaged = whole.clone();
        // The page of the applications.
        let page = whole.windows(8).position(|bytes| bytes == b"67092365").unwrap() / 4096 * 4096;
        damaged[page..page + 4096].fill(0xff);
        for (bytes, said) in [(newer, "newer server"), (damaged, "damaged"), (b"text".repeat(2000), "cannot be read")] {
            std::fs::write(directory.path().join("bad.sqlite"), bytes).unwrap();
            let refused = run(directory.path(), &["restore", "bad.sqlite", "--replace"]);
            assert!(!refused.status.success() && stderr(&refused).contains(said), "{}", stderr(&refused));
        }
        assert_eq!(applications(directory.path()), listed);
        let left = files(&directory.path().join("data"));
        assert!(left.iter().all(|name| !name.ends_with(".new") && !name.ends_with(".replaced")), "{left:?}");
    }
}
