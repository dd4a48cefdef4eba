//! The wizard, as a single-page app in WebAssembly.

fn main() {}
