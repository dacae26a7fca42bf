//! Where this package's tests and examples find the XGBoost library at run time: in the checkout, or
//! beside an installed program. Programs that link trainer say it in a build script of their own.

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the workspace root is two folders up");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", root.join("native/xgboost/lib").display());
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib/aurora");
}
