//! Programs of others that tests start.

use std::env;
use std::path::PathBuf;

/// A program of a package: on PATH, as `cargo xtask test` runs it; else where that keeps its tools.
pub fn program(name: &str, package: &str) -> PathBuf {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let caches = [env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::home_dir().map(|home| home.join(".cache"))];
    let tools = caches.into_iter().flatten().filter_map(|cache| cache.join("qcert/tools").read_dir().ok()).flatten();
    let kept = tools.filter_map(|tool| Some(tool.ok()?.path().join("programs")));
    let found = on_path.into_iter().chain(kept).map(|directory| directory.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("this test needs {name} of {package}: `cargo xtask setup` installs it"))
}
