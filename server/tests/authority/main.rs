//! The authority's keys and certificates, by the program as it is typed and by programs that are not ours.

#[cfg(test)]
mod files;
#[cfg(test)]
mod in_an_hsm;
#[cfg(test)]
mod outside_root;
#[cfg(test)]
mod rollover;
#[cfg(test)]
mod softhsm;
#[cfg(test)]
mod support;
