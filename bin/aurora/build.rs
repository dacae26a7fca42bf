//! Lets the program find libxgboost: in the checkout it was built in, or beside an installed binary.

fn main() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{root}/native/xgboost/lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib/aurora");
}
