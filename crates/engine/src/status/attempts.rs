//! What became of the peers when a day was staged: `cback.result`, as far as it can be understood.

use std::ffi::OsStr;
use std::io::{self, Read};

use jiff::civil::Date;
use redcedar_system::fs::Directory;
use serde::Deserialize;
use serde_json::Value;

use crate::stage::RESULT;

/// Longer ones are read so far.
const LONGEST: u64 = 16 << 20;

/// How staging a peer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The day that was staged.
    pub date: Date,
    /// How it ended, in one word.
    pub status: String,
    /// What went wrong, if anything.
    pub error: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    peer: String,
    status: String,
    #[serde(default)]
    error: Option<String>,
}

/// Peers and how they ended, in the order of the file: of a day that was staged twice, the later one comes last. What cannot be
/// understood is passed over; a day without the file has no attempts.
pub(super) fn read(day: &Directory, date: Date) -> io::Result<Vec<(String, Attempt)>> {
    let name = OsStr::new(RESULT);
    if day.status(name)?.is_none() {
        return Ok(Vec::new());
    }
    let mut content = Vec::new();
    day.open_file(name)?.take(LONGEST).read_to_end(&mut content)?;
    let values = serde_json::Deserializer::from_slice(&content).into_iter::<Value>();
    let objects = values.map_while(Result::ok).flat_map(objects);
    let lines = objects.filter_map(|object| serde_json::from_value::<Line>(object).ok());
    Ok(lines.map(|Line { peer, status, error }| (peer, Attempt { date, status, error })).collect())
}

/// A list stands for what is in it, and so does an object with a list of peers.
fn objects(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        Value::Object(mut object) => match object.remove("peers") {
            Some(Value::Array(peers)) => peers,
            _ => vec![Value::Object(object)],
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_counts_and_the_rest_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let day = Directory::open(root.path()).unwrap();
        let date = Date::constant(2026, 11, 24);
        assert_eq!(read(&day, date).unwrap(), []);
        let content = "{\"peer\":\"a\",\"status\":\"staged\",\"files\":3}\n{\"format\":1}\n\
            {\"peers\": [{\"peer\": \"b\",\n \"status\": \"failed\", \"error\": \"no route\"}]}\n{\"peer\":\"c\",\"sta";
        fs_err::write(root.path().join(RESULT), content).unwrap();
        let attempt = |status: &str, error: Option<&str>| Attempt {
            date,
            status: status.to_owned(),
            error: error.map(str::to_owned),
        };
        let expected = [
            ("a".to_owned(), attempt("staged", None)),
            ("b".to_owned(), attempt("failed", Some("no route"))),
        ];
        assert_eq!(read(&day, date).unwrap(), expected);
    }
}
