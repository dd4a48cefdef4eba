//! Whether other programs of the person use the keys on tokens: the person decides it, here or in the extension's window.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use qcert_protocol::{
    ErrorCode, KeyId,
    workstation::{OneToken, Token, TokenDetails},
};

use crate::{
    configuration::Configuration,
    log::{Level, Log},
    store::{self, Way},
    workers::{Listing, Workers},
};

/// Tells NSS's databases of a module, or of those whose tokens are plugged in.
pub fn register(module: Option<PathBuf>) -> Result<()> {
    let configuration = Configuration::load()?;
    let plugged_in = plugged_in(configuration.clone())?;
    let mut ways = BTreeMap::<Way, Vec<KeyId>>::new();
    if let Some(module) = module {
        let way = store::way_by(std::path::absolute(module).context("the module's file")?);
        let its_own = plugged_in.into_iter().filter(|seen| seen.module == way.vendor);
        let keys = its_own.flat_map(|seen| seen.keys).collect();
        ways.insert(way, keys);
    } else {
        for Seen { token, module, keys } in plugged_in {
            let way = Way::to(&token, &module, &configuration).map_err(failed)?;
            ways.entry(way).or_default().extend(keys);
        }
    }
    ensure!(!ways.is_empty(), "no token is plugged in: plug it in, or name the module's file");
    for (way, keys) in ways {
        store::register_module(&way, &keys).map_err(failed)?;
        println!("{}: browsers find the keys of its tokens", way.file().display());
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

/// A token, the module that shows it, and the keys on it.
struct Seen {
    token: Token,
    module: PathBuf,
    keys: Vec<KeyId>,
}

fn plugged_in(mut configuration: Configuration) -> Result<Vec<Seen>> {
    configuration.log = Level::Off;
    let workers = Workers::new(configuration, Log::off().into(), || {});
    let tokens = workers.survey(Listing::Whole);
    let mut seen = Vec::new();
    for token in tokens.readers.into_iter().filter_map(|reader| reader.token) {
        let details = workers.reach(&token.id).and_then(|reached| {
            let heard = reached.process.ask("tokenDetails", OneToken { token: token.id });
            Ok((reached.path.clone(), workers.answer(&reached, &heard)?))
        });
        let (module, details) = details.map_err(|failure| failed(failure.code))?;
        let details: TokenDetails = serde_json::from_str(details.get()).context("what a token shows")?;
        let keys = details.containers.into_iter().map(|container| container.key_id).collect();
        seen.push(Seen { token: details.token, module, keys });
    }
    workers.close();
    Ok(seen)
}

fn failed(code: ErrorCode) -> anyhow::Error {
    anyhow!("{}: `qcert-host doctor` says what to do", code.as_str())
}
