//! The real host over pipes, with real SoftHSM tokens.

#![cfg(unix)]

// Marked, as some that follow, so that the lints know helpers as tests.
#[cfg(test)]
mod certified;
#[cfg(test)]
mod chain;
mod command_line;
mod confinement;
#[cfg(test)]
mod diagnosis;
#[cfg(test)]
mod finishing;
mod frames;
#[cfg(test)]
mod installing;
#[cfg(test)]
mod leaking;
#[cfg(test)]
mod locking;
mod log;
#[cfg(test)]
mod nss_modules;
#[cfg(test)]
mod obedient;
#[cfg(test)]
mod opensc;
#[cfg(test)]
mod pins;
#[cfg(test)]
mod pulling;
#[cfg(test)]
mod registering;
#[cfg(test)]
mod removing;
#[cfg(test)]
mod renewing;
mod requests;
#[cfg(test)]
mod right_token;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod storing;
#[cfg(test)]
mod strangers;
mod tokens;
#[cfg(test)]
mod unblocking;
#[cfg(test)]
mod usable;
#[cfg(test)]
mod workplace;
