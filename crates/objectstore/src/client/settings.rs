//! The `s3 =` block of `~/.aws/config`, which the SDK does not read, and what else the AWS CLI would do by it.

use std::str::FromStr;

/// The smallest part that S3 takes, but for the last.
const SMALLEST_PART: u64 = 5 << 20;
/// The most parts that S3 takes.
const MOST_PARTS: u64 = 10_000;

/// How requests are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether a CRC goes with what is uploaded; else an MD5 alone does, which every server knows.
    pub checksums: bool,
    /// Whether the signature covers what is uploaded: it need not where the connection is encrypted.
    pub sign_bodies: bool,
    /// What servers are called.
    pub addressing: Addressing,
    /// From this size on, an object is sent in parts.
    pub threshold: u64,
    /// The size of a part, if the object has not too many of them.
    pub part_size: u64,
    /// How many requests are made at a time.
    pub requests: usize,
    /// How many bytes are sent in a second, at most.
    pub bandwidth: Option<u64>,
}

/// What servers are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Addressing {
    /// The bucket is in the path, not in the name of the host.
    pub path_style: bool,
    /// Over IPv6 too.
    pub dual_stack: bool,
    /// Through the nearest place that Amazon has.
    pub accelerate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            checksums: true,
            sign_bodies: false,
            addressing: Addressing::default(),
            threshold: 8 << 20,
            part_size: 8 << 20,
            requests: 32,
            bandwidth: None,
        }
    }
}

impl Settings {
    /// How large the parts of an object are.
    pub fn part_size_of(&self, size: u64) -> u64 {
        let smallest = size.div_ceil(MOST_PARTS).next_multiple_of(1 << 20);
        self.part_size.max(SMALLEST_PART).max(smallest)
    }

    /// Takes over what the block says, line by line. Returns lines that mean nothing.
    pub(super) fn read(&mut self, block: &str) -> Vec<String> {
        let lines = block.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.filter(|line| self.read_line(line).is_none()).map(str::to_owned).collect()
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let (name, value) = line.split_once('=')?;
        let value = value.trim();
        match name.trim() {
            "max_concurrent_requests" => self.requests = positive(value)?,
            "multipart_threshold" => self.threshold = size(value)?,
            "multipart_chunksize" => self.part_size = size(value)?,
            "max_bandwidth" => self.bandwidth = Some(value.parse::<Rate>().ok()?.0),
            "use_accelerate_endpoint" => self.addressing.accelerate = truth(value)?,
            "use_dualstack_endpoint" => self.addressing.dual_stack = truth(value)?,
            "payload_signing_enabled" => self.sign_bodies = truth(value)?,
            "addressing_style" => match value {
                "path" => self.addressing.path_style = true,
                "virtual" => self.addressing.path_style = false,
                "auto" => {}
                _ => return None,
            },
            // What the CLI does by these is nothing that we do.
            "max_queue_size" | "preferred_transfer_client" | "target_bandwidth" => {}
            _ => return None,
        }
        Some(())
    }
}

fn positive(text: &str) -> Option<usize> {
    usize::from_str(text).ok().filter(|number| *number > 0)
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

/// `8MB`, `1024`: the CLI counts in binary units, whatever they are called.
fn size(text: &str) -> Option<u64> {
    let upper = text.to_ascii_uppercase();
    let digits = upper.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &upper[digits.len()..] {
        "" | "B" => 0,
        "KB" | "KIB" => 10,
        "MB" | "MIB" => 20,
        "GB" | "GIB" => 30,
        "TB" | "TIB" => 40,
        _ => return None,
    };
    u64::from_str(digits.trim()).ok()?.checked_mul(1 << shift).filter(|size| *size > 0)
}

/// How much may go over the line in a second: `10MB/s`, or in bits `80Mb/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u64);

/// A text that is no [`Rate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no amount in a second, such as 10MB/s")]
pub struct RateError;

impl Rate {
    /// In bytes.
    pub fn bytes_per_second(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let per_second = text.strip_suffix("/s").unwrap_or(text);
        let bytes = match per_second.strip_suffix('b') {
            Some(bits) => size(&format!("{bits}B")).map(|bits| bits / 8),
            None => size(per_second),
        };
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or(RateError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_read_as_the_cli_reads_it() {
        let mut settings = Settings::default();
        let unknown = settings.read(
            "\n  max_concurrent_requests = 20\n  multipart_threshold = 64MB\n  multipart_chunksize=16MB\n \
             max_bandwidth = 10Mb/s\n  addressing_style = path\n  use_dualstack_endpoint = true\n  color = blue\n",
        );
        assert_eq!(unknown, ["color = blue"]);
        assert_eq!(
            settings,
            Settings {
                requests: 20,
                threshold: 64 << 20,
                part_size: 16 << 20,
                bandwidth: Some((10 << 20) / 8),
                addressing: Addressing { path_style: true, dual_stack: true, accelerate: false },
                ..Settings::default()
            }
        );
    }

    #[test]
    fn sizes_that_mean_nothing_are_no_sizes() {
        for (text, bytes) in [("8MB", Some(8 << 20)), ("1024", Some(1024)), ("2 gb", Some(2 << 30))] {
            assert_eq!(size(text), bytes, "{text}");
        }
        for text in ["", "MB", "8XB", "-1", "0", "99999999999TB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn no_object_has_too_many_parts_or_too_small_ones() {
        let settings = Settings::default();
        assert_eq!(settings.part_size_of(1 << 30), 8 << 20);
        let huge = 5 << 40;
        assert!(huge / settings.part_size_of(huge) < 10_000);
        assert_eq!(Settings { part_size: 1, ..settings }.part_size_of(10), 5 << 20);
    }
}
