//! Whole journeys: real browser, extension, host, token and server, each in a temporary directory of its own.
//!
//! [`Portal`] is the authority's side, [`Workstation`] a person's computer with a token, [`Browser`] the Chromium or
//! Firefox on it, and [`Journey`] what a person does there, step by step. A page is driven as a person sees it: by roles and names.

pub mod browser;
pub mod contents;
pub mod display;
pub mod figure;
pub mod hand;
pub mod journey;
pub mod memory;
pub mod portal;
pub mod programs;
pub mod screens;
pub mod stopwatch;
pub mod stranger;
pub mod tls;
pub mod token;
pub mod workstation;

pub use browser::Browser;
pub use journey::Journey;
pub use portal::{Portal, Settings};
pub use token::Token;
pub use workstation::{Software, Workstation};
