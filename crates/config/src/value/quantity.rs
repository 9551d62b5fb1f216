//! Amounts of bytes, as several extensions have them.

use std::fmt;
use std::str::FromStr;

use super::number::{Float, NumberError, non_negative_float};

/// Units of a [`ByteQuantity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteUnit {
    /// Bytes.
    Bytes,
    /// 1024 bytes.
    Kilobytes,
    /// 1024² bytes.
    Megabytes,
    /// 1024³ bytes.
    Gigabytes,
}

/// An amount of bytes; number and unit are kept as they are written.
#[derive(Debug, Clone, PartialEq)]
pub struct ByteQuantity {
    /// The number. May be infinite or not a number.
    pub number: Float,
    /// What it counts.
    pub unit: ByteUnit,
}

impl ByteQuantity {
    /// How many bytes that is.
    pub fn bytes(&self) -> f64 {
        self.number.value
            * match self.unit {
                ByteUnit::Bytes => 1.0,
                ByteUnit::Kilobytes => 1024.0,
                ByteUnit::Megabytes => 1024.0 * 1024.0,
                ByteUnit::Gigabytes => 1024.0 * 1024.0 * 1024.0,
            }
    }
}

impl FromStr for ByteQuantity {
    type Err = NumberError;

    /// `2.5 GB`, `100KB`, `12`: the unit is `KB`, `MB`, `GB` in just this case, or none for bytes.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let text = text.trim();
        let units = [("KB", ByteUnit::Kilobytes), ("MB", ByteUnit::Megabytes), ("GB", ByteUnit::Gigabytes)];
        let (number, unit) = units
            .iter()
            .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|number| (number.trim(), *unit)))
            .unwrap_or((text, ByteUnit::Bytes));
        Ok(Self { number: non_negative_float(number)?, unit })
    }
}

impl fmt::Display for ByteQuantity {
    /// As it is written back to a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            ByteUnit::Bytes => "",
            ByteUnit::Kilobytes => " KB",
            ByteUnit::Megabytes => " MB",
            ByteUnit::Gigabytes => " GB",
        };
        write!(f, "{}{unit}", self.number.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_numbers_with_a_unit() {
        for (text, bytes, written) in [
            ("12", 12.0, "12"),
            (" 1 KB ", 1024.0, "1 KB"),
            ("2MB", 2.0 * 1024.0 * 1024.0, "2 MB"),
            (".5  GB", 512.0 * 1024.0 * 1024.0, ".5 GB"),
            ("+1e3", 1000.0, "+1e3"),
        ] {
            let quantity: ByteQuantity = text.parse().unwrap();
            assert!((quantity.bytes() - bytes).abs() < 0.5, "{text:?}");
            assert_eq!(quantity.to_string(), written);
        }
        assert!("inf".parse::<ByteQuantity>().unwrap().bytes().is_infinite());
        for text in ["", "KB", "1 kb", "1 B", "1 TB", "1,000", "-1", "-1 KB", "1 KB MB"] {
            assert!(text.parse::<ByteQuantity>().is_err(), "{text:?}");
        }
    }
}
