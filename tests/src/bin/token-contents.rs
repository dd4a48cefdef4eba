//! Prints as JSON what lies on the one SoftHSM token that `SOFTHSM2_CONF` names.

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let pin = std::env::args().nth(1).context("usage: token-contents PIN")?;
    let contents = qcert_journeys::contents::read(qcert_journeys::token::SOFTHSM, &pin)?;
    println!("{}", serde_json::to_string(&contents)?);
    Ok(())
}
