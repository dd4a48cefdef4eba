//! Whether other programs of the person use the keys on tokens: the person decides it, here or in the extension's window.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use qcert_protocol::ErrorCode;

use crate::{configuration::Configuration, module::name_of, store, workers::survey_once};

/// Tells NSS's databases of a module, or of those whose tokens are plugged in.
pub fn register(module: Option<PathBuf>) -> Result<()> {
    let modules = match module {
        Some(module) => vec![std::path::absolute(module).context("the module's file")?],
        None => with_token()?,
    };
    ensure!(!modules.is_empty(), "no token is plugged in: plug it in, or name the module's file");
    for module in modules {
        store::register_module(&module).map_err(failed)?;
        println!("{}: browsers find the keys of its tokens", module.display());
    }
    Ok(())
}

/// Takes that back.
pub fn unregister(module: Option<PathBuf>) -> Result<()> {
    let module = module.map(std::path::absolute).transpose().context("the module's file")?;
    for removed in store::unregister_modules(module.as_deref()).map_err(failed)? {
        println!("{}: browsers no longer use it", removed.display());
    }
    Ok(())
}

/// The modules that show a token.
fn with_token() -> Result<Vec<PathBuf>> {
    let configuration = Configuration::load()?;
    let mut modules = configuration.module_paths();
    let tokens = survey_once(configuration);
    let shows = |name: &str| tokens.readers.iter().any(|reader| reader.token.is_some() && reader.module == name);
    modules.retain(|path| shows(&name_of(path)));
    Ok(modules)
}

fn failed(code: ErrorCode) -> anyhow::Error {
    anyhow!("{}: `qcert-host doctor` says what to do", code.as_str())
}
