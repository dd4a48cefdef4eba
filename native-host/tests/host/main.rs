//! The real host over pipes, with real SoftHSM tokens.

#![cfg(unix)]

mod command_line;
mod confinement;
mod frames;
mod installing;
mod log;
// Marked, as the next one, so that the lints know helpers as tests.
#[cfg(test)]
mod pulling;
mod requests;
mod tokens;
#[cfg(test)]
mod workplace;
