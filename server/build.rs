//! The page is built by another tool; without it the folder that is embedded would be missing.

fn main() {
    let dist = std::path::Path::new("../frontend/dist");
    if let Err(error) = std::fs::create_dir_all(dist) {
        println!("cargo::warning=cannot make {}: {error}", dist.display());
    }
    println!("cargo::rerun-if-changed=../frontend/dist");
    println!("cargo::rerun-if-changed=migrations");
}
