//! Splitting configured command lines as the original does.

/// Splits a configured command line into words (`cedar-cli.md` §9): words are the matches of `[^ "]+` or `"[^"]+"`, from
/// left to right, with all double quotes removed. Only the blank separates; single quotes, backslashes, `$`, globs and
/// pipes have no meaning; a quoted group ends a word.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        match first {
            ' ' => rest = &rest[1..],
            '"' => match rest[1..].find('"') {
                // `""` is no match, nor is a quote that is never closed: the quote is passed over.
                Some(0) | None => rest = &rest[1..],
                Some(end) => {
                    words.push(rest[1..=end].to_owned());
                    rest = &rest[end + 2..];
                }
            },
            _ => {
                let end = rest.find([' ', '"']).unwrap_or(rest.len());
                words.push(rest[..end].to_owned());
                rest = &rest[end..];
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_the_original_splits_them() {
        let cases: [(&str, &[&str]); 8] = [
            ("echo a  b", &["echo", "a", "b"]),
            (r#"a"b c"d"#, &["a", "b c", "d"]),
            (r#""" "x"#, &[" ", "x"]),
            (r#"a "unbalanced"#, &["a", "unbalanced"]),
            ("a\tb\nc", &["a\tb\nc"]),
            ("'a b'", &["'a", "b'"]),
            (r#""  ""#, &["  "]),
            ("", &[]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line), words, "{line}");
        }
    }
}
