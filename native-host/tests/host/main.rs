//! The real host over pipes, with real SoftHSM tokens.

#![cfg(unix)]

mod command_line;
mod confinement;
// Marked, as some that follow, so that the lints know helpers as tests.
#[cfg(test)]
mod diagnosis;
mod frames;
// Marked, as others below, so that the lints know helpers as tests.
#[cfg(test)]
mod installing;
mod log;
#[cfg(test)]
mod pulling;
#[cfg(test)]
mod registering;
mod requests;
mod tokens;
#[cfg(test)]
mod workplace;
