//! Many holders at once, over HTTP, against real server processes.
//!
//! [`Installation`](installation::Installation) is an authority with its data, [`Gateway`](gateway::Gateway) takes the
//! text messages, [`Holder`](holder::Holder) is a person on the way to a certificate; [`load`] sends many of them at
//! once and measures.

pub mod bench;
pub mod chance;
pub mod clock;
pub mod gateway;
pub mod holder;
pub mod http;
pub mod installation;
pub mod load;
pub mod people;
pub mod process;
pub mod torture;
