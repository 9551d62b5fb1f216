use redcedar_archive::select::*;
fn main() {
    let root = std::path::PathBuf::from(std::env::args_os().nth(1).unwrap());
    let exclude = Exclude::default();
    let s = Selection {
        root: &root,
        ignore_file: Some(std::ffi::OsStr::new(".cbignore")),
        exclude: &exclude,
        link_depth: 0,
        dereference: false,
        one_file_system: false,
        exclude_caches: true,
        never_enter: &[],
    };
    let f = select_directory(&s, &redcedar_system::Interrupt::new()).unwrap();
    println!("{} {} {}", f.len(), f.total_bytes(), f.problems().len());
    for p in f.problems().iter().take(20) {
        println!("{p}");
    }
}
