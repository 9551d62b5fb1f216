//! Whatever the program that knows discs prints, a listing comes of it or an error, and its files can be read or not.
#![no_main]

use std::path::Path;

use jiff::civil::DateTime;
use libfuzzer_sys::fuzz_target;
use redcedar_media::read::Image;
use redcedar_system::command::{Command, Finished};
use redcedar_system::fake::PrintingRunner;

const NOW: DateTime = DateTime::constant(2100, 1, 1, 0, 0, 0, 0);

fuzz_target!(|printed: &[u8]| {
    let printed = printed.to_vec();
    let runner =
        PrintingRunner(move |_: &Command| (printed.clone(), Finished { status: 0, tail: Vec::new() }));
    // Any file that is always there does for the disc.
    let Ok(image) = Image::open(Path::new("/etc/passwd"), None, NOW, &runner) else { return };
    let mut buffer = [0; 100];
    for path in image.nodes().keys() {
        let _unreadable = image.file(path).and_then(|file| file.read_at(&mut buffer, 0));
    }
    image.check(&runner).expect("whatever is printed is understood or passed over");
});
