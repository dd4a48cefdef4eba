//! The host for Windows, started as a browser and as a person start it. On Windows `cargo test` runs this as it is;
//! elsewhere `cargo xtask test` does so under Wine.

#![cfg(windows)]

// Marked, so that the lints know helpers as tests.
#[cfg(test)]
mod command_line;
mod frames;
#[cfg(test)]
mod workplace;
