//! Whether other programs of the person use the keys on tokens: the person decides it, here or in the extension's window.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use qcert_protocol::{
    ErrorCode, KeyId,
    workstation::{OneToken, TokenDetails},
};

use crate::{
    configuration::Configuration,
    log::{Level, Log},
    store,
    workers::{Listing, Workers},
};

/// Tells NSS's databases of a module, or of those whose tokens are plugged in.
pub fn register(module: Option<PathBuf>) -> Result<()> {
    let mut modules = with_token()?;
    if let Some(module) = module {
        let module = std::path::absolute(module).context("the module's file")?;
        let keys = modules.remove(&module).unwrap_or_default();
        modules = BTreeMap::from([(module, keys)]);
    }
    ensure!(!modules.is_empty(), "no token is plugged in: plug it in, or name the module's file");
    for (module, keys) in modules {
        store::register_module(&module, &keys).map_err(failed)?;
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

/// The modules that show a token, and the keys on it.
fn with_token() -> Result<BTreeMap<PathBuf, Vec<KeyId>>> {
    let mut configuration = Configuration::load()?;
    configuration.log = Level::Off;
    let workers = Workers::new(configuration, Log::off().into(), || {});
    let tokens = workers.survey(Listing::Whole);
    let mut modules = BTreeMap::new();
    for token in tokens.readers.into_iter().filter_map(|reader| reader.token) {
        let details = workers.reach(&token.id).and_then(|reached| {
            let heard = reached.process.ask("tokenDetails", OneToken { token: token.id });
            Ok((reached.path.clone(), workers.answer(&reached, &heard)?))
        });
        let (module, details) = details.map_err(|failure| failed(failure.code))?;
        let details: TokenDetails = serde_json::from_str(details.get()).context("what a token shows")?;
        let keys: &mut Vec<_> = modules.entry(module).or_default();
        keys.extend(details.containers.into_iter().map(|container| container.key_id));
    }
    workers.close();
    Ok(modules)
}

fn failed(code: ErrorCode) -> anyhow::Error {
    anyhow!("{}: `qcert-host doctor` says what to do", code.as_str())
}
