//! The portal as its callers see it: every request goes through the whole router, the clock is driven by hand, and
//! randomness repeats from its seed.

#[cfg(test)]
mod activation;
#[cfg(test)]
mod addresses;
#[cfg(test)]
mod approval;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod behind;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod described;
#[cfg(test)]
mod description;
#[cfg(test)]
mod events;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod hsm;
#[cfg(test)]
mod import;
#[cfg(test)]
mod issuance;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod logging;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod migration;
#[cfg(test)]
mod ocsp;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod phones_alike;
#[cfg(test)]
#[path = "../../../pki/tests/pki/pkilint.rs"]
mod pkilint;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod publication;
#[cfg(test)]
mod readiness;
#[cfg(test)]
mod renewal;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod several_servers;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod store_suite;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod surface;
#[cfg(test)]
#[path = "../../../pki/tests/pki/tools.rs"]
mod tools;
#[cfg(test)]
mod who_may;
// The authority's own tests use more of it.
#[cfg(test)]
#[allow(dead_code)]
#[path = "../authority/softhsm.rs"]
mod softhsm;
