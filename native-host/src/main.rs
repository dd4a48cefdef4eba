//! The native messaging host that owns the token.

fn main() {}
