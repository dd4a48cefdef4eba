//! The wizard: what a person sees from a telephone number to an installed certificate.
//!
//! The pure modules (states, words, countdowns, the sensor's statistics) are plain Rust and tested natively. The page
//! itself exists for WebAssembly alone; [`portal`](crate) and [`workstation`](crate) are its only two ways out.
//!
//! **Architecture invariant:** no PIN and no key material ever gets here, and nothing here is trusted: it is a view.

pub mod checkup;
pub mod countdown;
pub mod devices;
pub mod phone;
pub mod preparation;
pub mod revocation;
pub mod rows;
pub mod sensor;
pub mod trouble;
pub mod user_agent;
pub mod wizard;
pub mod words;

#[cfg(target_arch = "wasm32")]
pub mod app;
#[cfg(target_arch = "wasm32")]
pub mod browser;
#[cfg(target_arch = "wasm32")]
pub mod dom;
#[cfg(target_arch = "wasm32")]
pub mod installed_here;
#[cfg(target_arch = "wasm32")]
pub mod ordered;
#[cfg(target_arch = "wasm32")]
pub mod portal;
#[cfg(target_arch = "wasm32")]
pub mod reading;
#[cfg(target_arch = "wasm32")]
pub mod report;
#[cfg(target_arch = "wasm32")]
pub mod told;
#[cfg(target_arch = "wasm32")]
pub mod view;
#[cfg(target_arch = "wasm32")]
pub mod workstation;
#[cfg(target_arch = "wasm32")]
pub mod writing;
