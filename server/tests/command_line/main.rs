//! The program as it is typed.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod config;
#[cfg(test)]
mod database_tls;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod people;
#[cfg(test)]
mod program;
mod service_manager;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
