//! Where this package's tests and examples find the XGBoost library at run time: in the checkout, or
//! beside an installed program. Programs that link trainer say it in a build script of their own.

fn main() {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it");
    let library = format!("{package}/../../native/xgboost/lib");
    // By its full path, asked when it runs: a target folder may outlive the checkout it was made for.
    println!("cargo:rerun-if-changed={library}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{library}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib/aurora");
}
