use std::io::Read as _;

use super::*;
use crate::Sieve;

const FROM: &str = "From a@b Tue Nov 24 10:00:00 2026\n";

fn message(id: &str, body: &str) -> String {
    format!("{FROM}From: a\nMessage-Id: <{id}>\n\n{body}\n\n")
}

fn messages(text: &[u8]) -> Messages<&[u8]> {
    match open(text).unwrap() {
        Content::Messages(messages) => messages,
        Content::Empty | Content::Other(_) => panic!("{text:?} is a mailbox"),
    }
}

/// All messages, and whether each may be a part of the one before.
fn split(text: &str) -> Vec<(String, bool)> {
    let mut messages = messages(text.as_bytes());
    let mut all = Vec::new();
    while let Some(message) = messages.next_message().unwrap() {
        let mut copy = Vec::new();
        messages.copy(&message, &mut copy).unwrap();
        all.push((String::from_utf8(copy).unwrap(), message.may_be_part()));
    }
    all
}

/// What a sieve lets through.
fn sifted(text: &str) -> String {
    let (mut messages, mut sieve, mut copy) = (messages(text.as_bytes()), Sieve::default(), Vec::new());
    while let Some(message) = messages.next_message().unwrap() {
        if sieve.passes(&message, |_| true) {
            messages.copy(&message, &mut copy).unwrap();
        }
    }
    String::from_utf8(copy).unwrap()
}

#[test]
fn messages_are_copied_byte_for_byte() {
    let crlf = message("1", "x").replace('\n', "\r\n");
    let unfinished = format!("{FROM}Subject: no more");
    let texts = [message("1", "a\nFrom here on\n>From b"), crlf, message("2", "\n\n\n"), unfinished];
    assert_eq!(split(&texts.concat()), texts.map(|text| (text, false)));
}

#[test]
fn a_message_begins_behind_a_blank_line_only() {
    let text = format!("{}{FROM}X: y\n\n{FROM}{FROM}\n", message("1", "x").trim_end());
    let parts: Vec<_> = split(&text).into_iter().map(|(text, _)| text).collect();
    assert_eq!(parts.concat(), text);
    assert_eq!(parts.len(), 2);
}

#[test]
fn long_headers_and_lines_are_bodies_in_the_end() {
    let long = format!("X: {}\n", "y".repeat(100)).repeat(20_000);
    let line = "z".repeat(3 << 20);
    let texts = [
        format!("{FROM}{long}\nx\n\n"),
        format!("{FROM}X: {line}\n\nx\n\n"),
        message("1", &line),
        message("2", "x"),
    ];
    assert_eq!(split(&texts.concat()), texts.map(|text| (text, false)));
}

#[test]
fn what_is_no_mailbox_is_given_back_whole() {
    let late = format!("junk\n\n{}", message("1", "x"));
    for text in [late.as_str(), "junk\n", "\n\njunk", "\0\0", "From x\nFrom: a\n\nb\n", "\n"] {
        match open(text.as_bytes()).unwrap() {
            Content::Other(mut other) => {
                let mut back = String::new();
                other.read_to_string(&mut back).unwrap();
                assert_eq!(back, text);
            }
            Content::Empty => assert_eq!(text, "\n"),
            Content::Messages(_) => panic!("{text:?} is no mailbox"),
        }
    }
    assert!(matches!(open(&b""[..]).unwrap(), Content::Empty));
}

#[test]
fn duplicates_are_dropped_and_the_first_stays() {
    let (one, two) = (message("1", "first"), message("2", "x"));
    let again = message("1", "second");
    assert_eq!(sifted(&[&*one, &again, &two, &one].map(str::to_owned).concat()), one.clone() + &two);
}

#[test]
fn an_attached_mailbox_is_never_torn() {
    let attached = message("1", "the original");
    let container = |body: &str| {
        format!(
            "{FROM}Message-Id: <c>\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\n{body}\n--b--\n\n"
        )
    };
    let quoted = format!("{FROM}Message-Id: <q>\n\n-----Original Message-----\n\n{attached}");
    let prose = format!("{FROM}Message-Id: <p>\n\nx\n\nFrom now on, 10:00 2026\nis the time\n\n");
    let prose_again = prose.replace("<p>", "<p2>");
    let text = [attached.clone(), container(&attached), quoted, prose, prose_again].concat();
    assert_eq!(sifted(&text), text);
    assert_eq!(sifted(&[text.clone(), attached, container("x")].concat()), text);
}
