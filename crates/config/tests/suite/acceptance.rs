//! What is accepted and what is refused. `oracle.rs` puts the same table to the original.

use crate::cases;
use proptest::prelude::*;
use redcedar_config::{Config, Source};

#[test]
fn files_are_accepted_and_refused_as_listed() {
    let wrong: Vec<String> = cases::cases()
        .into_iter()
        .filter_map(|(text, accepted)| match Config::parse(Source::new("case.conf", &text)) {
            Ok(_) if !accepted => Some(format!("accepted, but should not be:\n{text}")),
            Err(diagnostics) if accepted => {
                Some(format!("refused, but should not be:\n{diagnostics}\n{text}"))
            }
            _ => None,
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n=====\n"));
}

#[test]
fn contrived_files_are_not_read_as_by_the_original() {
    for (text, accepted_by_original) in cases::DEPARTURES {
        let accepted = Config::parse(Source::new("case.conf", text)).is_ok();
        assert_ne!(accepted, *accepted_by_original, "{text}");
    }
}

#[test]
fn the_complete_file_gives_no_warnings() {
    let loaded = Config::parse(Source::new("base.conf", cases::BASE)).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(source) = Source::decode("f", &bytes) {
            let _either = Config::parse(source).map_err(|diagnostics| diagnostics.render(true));
        }
    }

    #[test]
    fn arbitrary_markup_does_not_panic(
        tokens in proptest::collection::vec(
            prop::sample::select(vec![
                "<", ">", "</", "/>", "a", "b", "&", ";", "&a;", "&lt;", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>",
                "<!DOCTYPE a [", "]>", "<!ENTITY a '", "'>", "\"", "'", "=", " ", "\n", "é", "%", "cb_config", "options",
                "<a>", "</a>", "<a/>", "#", "x41", "SYSTEM",
            ]),
            0..40,
        )
    ) {
        let _either = Config::parse(Source::new("f", &tokens.concat())).map_err(|d| d.to_string());
    }

    #[test]
    fn a_cut_file_does_not_panic(cut in 0..cases::BASE.len(), junk in any::<Vec<u8>>()) {
        let bytes = [&cases::BASE.as_bytes()[..cut], &junk, &cases::BASE.as_bytes()[cut..]].concat();
        if let Ok(source) = Source::decode("f", &bytes) {
            let _either = Config::parse(source).map_err(|diagnostics| diagnostics.to_string());
        }
    }
}
