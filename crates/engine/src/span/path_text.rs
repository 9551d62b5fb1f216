//! Paths in JSON: text, or hexadecimal where their bytes are no text.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use redcedar_archive::digest;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PathText {
    Text(String),
    Hex { hex: String },
}

pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let text = match path.to_str() {
        Some(text) => PathText::Text(text.to_owned()),
        None => PathText::Hex { hex: digest::to_hex(path.as_os_str().as_bytes()) },
    };
    text.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    match PathText::deserialize(deserializer)? {
        PathText::Text(text) => Ok(text.into()),
        PathText::Hex { hex } => {
            let bytes = digest::from_hex(hex.as_bytes())
                .ok_or_else(|| D::Error::custom("a path is not hexadecimal"))?;
            Ok(OsString::from_vec(bytes).into())
        }
    }
}
