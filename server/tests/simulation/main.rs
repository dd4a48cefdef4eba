//! Issuance, simulated: two servers on one database in one process, a clock that is moved by hand, randomness from a
//! seed, and lists of things that happen, good and bad. After each of them everything that must hold is checked.
//!
//! `QCERT_SIMULATION_SEED` runs the list of one seed and prints what happens in it; `QCERT_SIMULATION_LISTS` says how
//! many lists a run has.

#[cfg(test)]
mod faulty_store;
#[cfg(test)]
mod found;
#[cfg(test)]
mod invariants;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod model;
#[cfg(test)]
mod ocsp_answer;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod search;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tally;
#[cfg(test)]
mod world;
