//! The real host over pipes, with real SoftHSM tokens.

mod command_line;
mod frames;
mod installing;
mod requests;
mod tokens;
// Marked so that the lints know these helpers as tests.
#[cfg(test)]
mod workplace;
