//! Walks the whole journey in a headless Chromium, and leaves pictures and files that prove it.

mod evidence;
mod figures;
mod measure;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    rc::Rc,
};

use anyhow::{Context, Result};
use clap::Parser;
use qcert_journeys::{
    Journey, Portal, Settings, Software, Workstation, journey::PHONE, stopwatch::Stopwatch, token::FACTORY_PIN,
};

/// The authority rests before it issues, so that figure 10 is there to be seen.
const REST: Settings<'static> = &[("QCERT__ISSUANCE__WAIT_SECONDS", "2")];

/// From a telephone number to a certificate on a token: the real page, extension, host, PKCS#11 token and server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where fig-01.png … fig-12.png, request.csr, certificate.cer, ca.cer, softhsm2.conf with the token,
    /// sms.jsonl and journey.json are left; earlier ones are replaced.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match walk(&arguments.out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the journey failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn walk(out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("make {}", out.display()))?;
    let out = &out.canonicalize()?;
    let world = tempfile::tempdir().context("make a temporary directory")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let walked = runtime.block_on(walk_in(world.path(), out));
    // Also after a failure: what the server said then is what one wants to see.
    let log = world.path().join("portal/server.log");
    if log.exists() {
        fs::copy(log, out.join("server.log")).context("keep the server's log")?;
    }
    walked
}

async fn walk_in(world: &Path, out: &Path) -> Result<()> {
    let mut stopwatch = Stopwatch::default();
    let journey = stopwatch.time("set up authority, computer and token", set_up(world)).await?;
    let (journey, key_code) = figures::walk(journey, out, &mut stopwatch).await?;
    let evidence = stopwatch.time("check the certificate and the token", evidence::collect(&journey, out)).await?;
    let bench = measure::bench(&journey).await?;
    evidence::write_journey(&journey, out, &stopwatch, &evidence, &key_code, &bench)?;
    journey.browser.close();
    println!("{stopwatch}");
    println!("certificate  {}", evidence.serial);
    println!("key's code   {key_code}");
    println!("files        {}", out.display());
    Ok(())
}

/// The token has the PIN that makers set, as `cargo xtask demo` tells people.
async fn set_up(world: &Path) -> Result<Journey> {
    let portal = Rc::new(Portal::start(&world.join("portal"), REST)?);
    let computer = Workstation::set_up_with(&world.join("computer"), &portal, FACTORY_PIN, Software::Chromium)?;
    Journey::sit_down(portal, computer, PHONE).await
}
