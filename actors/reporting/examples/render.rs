fn main() {
    let path = std::env::args().nth(1).expect("folder");
    let mut folder = reporting::RunFolder::open(path).expect("open");
    folder.finish().expect("finish");
    eprintln!("{}", folder.performance().expect("some").table());
}
