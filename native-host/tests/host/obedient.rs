//! A token that comes, goes and locks, in a module that misbehaves: SoftHSM behind a shim that a file commands.

use std::path::PathBuf;

use serde_json::Value;

use crate::workplace::{Browser, ORIGIN, Workplace};

/// The module, which Cargo builds beside the test programs.
pub fn shim() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libqcert_token_shim.so")
}

/// A workplace whose token obeys `control`.
pub struct Obedient {
    pub workplace: Workplace,
}

impl Obedient {
    pub fn new() -> Self {
        let workplace = Workplace::new();
        workplace.file("control", "");
        let this = Self { workplace };
        this.configure(&[shim()], "");
        this
    }

    /// With these modules, and further lines of the configuration.
    pub fn configure(&self, modules: &[PathBuf], more: &str) {
        let modules: Vec<_> = modules.iter().map(|module| format!("'{}'", module.display())).collect();
        self.workplace
            .configure(&format!("allowed_origins = ['{ORIGIN}']\nmodules = [{}]\n{more}", modules.join(", ")));
    }

    pub fn control(&self, text: &str) {
        // Renamed, so that nobody reads a half.
        let new = self.workplace.file("control.new", text);
        std::fs::rename(new, self.workplace.path("control")).unwrap();
    }

    pub fn browser(&self) -> Browser {
        self.workplace.browser()
    }

    pub fn has_keys(&self) -> bool {
        self.workplace.objects("first").contains("Key Object")
    }
}

/// The next that is told of a change.
pub fn next_change(browser: &mut Browser) -> Value {
    loop {
        let frame = browser.next();
        if frame["event"] == "tokensChanged" {
            return frame;
        }
    }
}
