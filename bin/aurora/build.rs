//! Lets the program find libxgboost: in the checkout it was built in, or beside an installed binary.

fn main() {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it");
    let library = format!("{package}/../../native/xgboost/lib");
    // By its full path, asked when it runs: a target folder may outlive the checkout it was made for.
    println!("cargo:rerun-if-changed={library}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{library}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib/aurora");
}
