//! From the start of the host to its hello, and to the first list of tokens: of one module, of five, and of five of which
//! one hangs, beside pkcs11-tool.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use qcert_journeys::{
    figure::{Figure, median},
    programs,
    stopwatch::timed,
    token::SOFTHSM,
};
use serde_json::json;

use super::{
    Arguments,
    host::{Computer, Host, token_id},
    others,
};

const ROUNDS: usize = 25;

/// Milliseconds of one start.
struct Times {
    hello: f64,
    list: f64,
}

/// Medians.
pub fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    let one = Computer::with(&[SOFTHSM.into()])?;
    // The one that may hang is preferred to all others: they must not be kept waiting by it.
    let shim = programs::built("libqcert_token_shim.so", "qcert-token-shim")?;
    let [five, empty, hanging] = [five(&shim)?, five(&shim)?, five(&shim)?];
    // Else it would be the first to show the token, and what is measured would be that the second one comes after it.
    empty.pull()?;
    hanging.hang()?;
    let mut lists = <[Vec<f64>; 4]>::default();
    let (mut hellos, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (computer, times) in [&one, &five, &empty, &hanging].into_iter().zip(&mut lists) {
            let Times { hello, list } = start(arguments, computer)?;
            hellos.push(hello);
            times.push(list);
        }
        theirs.push(others::list(&one)?);
    }
    let [one, five, empty, hanging] = lists.map(median);
    Ok(vec![
        Figure::new("start of the host to its hello", median(hellos), None, "ms"),
        Figure::new("start to the first list, one module; beside pkcs11-tool", one, Some(median(theirs)), "ms"),
        Figure::new("start to the first list, five modules; beside one", five, Some(one), "ms"),
        Figure::new("start to the first list, five, one hangs; beside one empty", hanging, Some(empty), "ms"),
    ])
}

/// A computer with the shim and four files of the module: each is loaded by a process of its own.
fn five(shim: &Path) -> Result<Computer> {
    let computer = Computer::with(&[])?;
    let mut modules = vec![shim.to_owned()];
    for number in 1..=4 {
        let path = computer.path(&format!("module-{number}.so"));
        fs::copy(SOFTHSM, &path).context("copy the module")?;
        modules.push(path);
    }
    computer.set_modules(&modules)?;
    Ok(computer)
}

fn start(arguments: &Arguments, computer: &Computer) -> Result<Times> {
    let (host, hello) = timed(|| Host::start(computer, &arguments.host));
    let mut host = host?;
    let (listed, list) = timed(|| host.ask("watchTokens", json!({"on": true}), false));
    token_id(&listed?)?;
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    Ok(Times { hello: milliseconds(hello), list: milliseconds(hello + list) })
}
