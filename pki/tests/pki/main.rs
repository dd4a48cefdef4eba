//! The crate from outside, against programs that are not ours: `openssl` reads what is built here, and requests come
//! from `openssl` and `rcgen`. `cfg(test)` tells clippy that helpers are tests, too.

#[cfg(test)]
mod algorithm;
#[cfg(test)]
mod authority_request;
#[cfg(test)]
mod certificate;
#[cfg(test)]
mod holder;
#[cfg(test)]
mod key;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod ocsp;
#[cfg(test)]
mod pkilint;
#[cfg(test)]
mod profile_check;
#[cfg(test)]
mod request;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod weak;
