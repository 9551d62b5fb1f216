//! `s3://BUCKET/PREFIX`: where objects are.

use std::fmt;
use std::str::FromStr;

use redcedar_system::escape;

/// The longest key that S3 takes, in bytes.
pub const LONGEST_KEY: usize = 1024;

/// A place in a bucket: everything whose key begins with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    bucket: String,
    prefix: String,
}

/// A text that is no address of objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin with `s3://`.
    #[error("{} does not begin with s3://", escape::display_bytes(.0.as_bytes()))]
    Scheme(String),
    /// There is nothing where the bucket should be.
    #[error("{} names no bucket", escape::display_bytes(.0.as_bytes()))]
    NoBucket(String),
}

impl Address {
    /// The objects of `bucket` whose keys begin with `prefix`, with a `/` between prefix and the rest of the key. An empty
    /// prefix means all objects.
    pub fn new(bucket: impl Into<String>, prefix: &str) -> Self {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Self { bucket: bucket.into(), prefix }
    }

    /// The name of the bucket, or the ARN of an access point.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What all keys begin with: empty, or it ends in `/`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of what is called `name` below this place.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// What a key is called below this place; nothing for keys that are elsewhere.
    pub fn name<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&self.prefix)
    }

    /// The place `name` below this one.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self::new(self.bucket.clone(), &self.key(name))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// The bucket ends at the first `/`; in the ARN of an access point, at the second.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let rest = text.strip_prefix("s3://").ok_or_else(|| AddressError::Scheme(text.to_owned()))?;
        let slash = rest.find('/');
        let end = match slash {
            Some(first) if rest.starts_with("arn:") => {
                rest[first + 1..].find('/').map(|second| first + 1 + second)
            }
            first => first,
        };
        let (bucket, prefix) = end.map_or((rest, ""), |end| (&rest[..end], &rest[end + 1..]));
        if bucket.is_empty() {
            return Err(AddressError::NoBucket(text.to_owned()));
        }
        Ok(Self::new(bucket, prefix))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.prefix.strip_suffix('/').unwrap_or(&self.prefix);
        write!(f, "s3://{}/{}", self.bucket, escape::display_bytes(prefix.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        for (text, bucket, prefix) in [
            ("s3://b", "b", ""),
            ("s3://b/", "b", ""),
            ("s3://b/p", "b", "p/"),
            ("s3://b/p/", "b", "p/"),
            ("s3://b//p", "b", "/p/"),
            ("s3://b/a b/s3://c", "b", "a b/s3://c/"),
            ("s3://arn:aws:s3:eu-west-1:1:accesspoint/x/p", "arn:aws:s3:eu-west-1:1:accesspoint/x", "p/"),
            ("s3://arn:aws:s3:eu-west-1:1:accesspoint/x", "arn:aws:s3:eu-west-1:1:accesspoint/x", ""),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.bucket(), address.prefix()), (bucket, prefix), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!("bucket/p".parse::<Address>(), Err(AddressError::Scheme("bucket/p".to_owned())));
        assert_eq!("s3:///p".parse::<Address>(), Err(AddressError::NoBucket("s3:///p".to_owned())));
    }

    #[test]
    fn names_are_below_the_prefix_and_only_there() {
        let address = Address::new("b", "p");
        assert_eq!(address.key("x/y"), "p/x/y");
        assert_eq!(address.name("p/x"), Some("x"));
        assert_eq!(address.name("p2/x"), None);
        assert_eq!(address.below("2026").to_string(), "s3://b/p/2026");
    }
}
