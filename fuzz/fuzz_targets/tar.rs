//! Whatever bytes come, the reader of archives neither panics nor goes in circles.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use redcedar_archive::reader::{Damage, Event, Members, find_swallowed};

fuzz_target!(|bytes: &[u8]| {
    let mut members = Members::new(bytes);
    let mut content = [0; 100];
    while let Ok(Some(event)) = members.next_member() {
        match event {
            Event::Member(_) => {
                let _damaged = members.content().read(&mut content);
            }
            Event::Damage(Damage::Skipped { before: Some(data), .. }) => {
                let start = usize::try_from(data.start).expect("inside of the input");
                let _unreadable = find_swallowed(&bytes[start..], data);
            }
            Event::Damage(_) => {}
        }
    }
});
