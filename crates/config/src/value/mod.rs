//! The kinds of values that elements hold. Each has a parser from text that accepts what the originals accept.

mod enumerations;
mod name;
mod number;
mod path;
mod pattern;
mod quantity;
mod scsi;
mod time;

pub use enumerations::{
    AnomalyMode, ArchiveMode, BlankMode, BurnerProgram, CollectMode, DeviceType, IgnoreFailures, MediaType,
    OrderMode, StartingDay, UnknownLiteral,
};
pub use name::{action_name, function_name, module_name, name_list};
pub use number::{Float, NumberError, float, integer, non_negative, non_negative_float, positive};
pub use path::absolute_path;
pub use pattern::{PatternError, check_pattern};
pub use quantity::{ByteQuantity, ByteUnit};
pub use scsi::scsi_id;
pub use time::TimeOfDay;

use std::convert::Infallible;

/// Text that is not a value of its kind. Reads on after the name of the element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(&'static str);

/// Any text.
///
/// # Errors
/// Never.
pub fn text(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}

/// `Y`, `y`, `N` or `n`.
///
/// # Errors
/// For everything else.
pub fn boolean(text: &str) -> Result<bool, Mismatch> {
    match text {
        "Y" | "y" => Ok(true),
        "N" | "n" => Ok(false),
        _ => Err(Mismatch("must be `Y` or `N`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_one_letter() {
        for (text, expected) in [("Y", true), ("y", true), ("N", false), ("n", false)] {
            assert_eq!(boolean(text), Ok(expected));
        }
        for text in ["yes", "no", "true", "1", " Y", "Y\n", ""] {
            assert!(boolean(text).is_err(), "{text:?}");
        }
    }
}
