//! The screens, by their names in Russian: what a person finds there and does.

pub mod activation;
pub mod confirmation;
pub mod data;
pub mod devices;
pub mod installation;
pub mod list;
pub mod pin_window;
pub mod revocation;
pub mod sensor;
pub mod sign_in;
pub mod waiting;
