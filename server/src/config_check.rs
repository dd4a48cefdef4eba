//! Looks at what the settings name before anything is begun: files, keys, the database, gateways. Nothing is made or
//! changed, and everything that is wrong is said at once.

mod authority;
mod database;
mod gateways;
mod places;

use std::net::{SocketAddr, TcpListener};

use crate::{
    config::{Settings, host},
    listener::tls::Tls,
    serve,
};

/// Something that is wrong with a setting, or with what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The setting's name; empty if the file cannot be read as settings at all.
    pub setting: String,
    /// What is wrong.
    pub problem: String,
    /// Does a server start in spite of it, and try again by itself?
    pub passes: bool,
}

impl Finding {
    /// As a person reads it.
    pub fn line(&self) -> String {
        match self.setting.as_str() {
            "" => self.problem.clone(),
            setting => format!("{setting}: {}", self.problem),
        }
    }
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, setting: &str, problem: impl Into<String>) {
        self.0.push(Finding { setting: setting.to_owned(), problem: problem.into(), passes: false });
    }

    /// Something that may be there later, for which a server does not wait.
    fn passes(&mut self, setting: &str, problem: impl Into<String>) {
        self.0.push(Finding { setting: setting.to_owned(), problem: problem.into(), passes: true });
    }

    /// What an error says, with all that it was caused by.
    fn take<T>(&mut self, setting: &str, result: anyhow::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(setting, format!("{error:#}"))).ok()
    }
}

/// Looks at all of it.
pub async fn look(settings: &Settings) -> Vec<Finding> {
    let mut findings = Findings::default();
    before_start(settings, &mut findings).await;
    authority::look_for_keys(settings, &mut findings).await;
    gateways::look_for_hosts(settings, &mut findings).await;
    findings.0
}

/// Looks at what a start would fail for.
pub async fn look_before_start(settings: &Settings) -> Vec<Finding> {
    let mut findings = Findings::default();
    before_start(settings, &mut findings).await;
    findings.0
}

async fn before_start(settings: &Settings, findings: &mut Findings) {
    addresses(settings, findings);
    if let Some(directory) = &settings.server.frontend
        && !directory.join("index.html").is_file()
    {
        findings.add("server.frontend", format!("there is no index.html in {}", directory.display()));
    }
    if let Some(files) = settings.server.tls.clone() {
        let origin = serve::origin(settings, settings.server.listen.port());
        findings.take("server.tls_certificate", Tls::load(files, host(&origin)));
    }
    places::secret(settings, findings);
    database::look(settings, findings).await;
    authority::look(settings, findings);
    gateways::look(settings, findings);
}

fn addresses(settings: &Settings, findings: &mut Findings) {
    let listens = [("server.listen", Some(settings.server.listen)), ("operations.listen", settings.operations_listen)];
    for (setting, address) in listens {
        // Any port will do: the right one is taken while the server runs.
        let tried = address.map(|address| TcpListener::bind(SocketAddr::new(address.ip(), 0)));
        if let Some(Err(error)) = tried {
            findings.add(setting, format!("this machine cannot listen there: {error}"));
        }
    }
    if settings.server.listen.port() != 0 && settings.operations_listen == Some(settings.server.listen) {
        findings.add("operations.listen", "must be another address or port than server.listen");
    }
}
