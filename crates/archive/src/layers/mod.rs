//! What can lie around a stored file: encryption and splitting, as its name says it. `etc.tar.gz.gpg_00002` is the third part
//! of the encrypted `etc.tar.gz`.

pub mod openpgp;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A file can have so many parts: their numbers have five digits.
pub const MOST_PARTS: u64 = 100_000;

/// Digits of the number of a part.
const DIGITS: usize = 5;

/// How a file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// An OpenPGP message.
    Gpg,
    /// A file of the age format.
    Age,
}

impl Cipher {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Gpg, Self::Age];

    /// What is appended to the name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Gpg => ".gpg",
            Self::Age => ".age",
        }
    }

    /// The name of the encrypted form of `name`.
    pub fn name_of(self, name: &OsStr) -> OsString {
        let mut form = name.to_owned();
        form.push(self.suffix());
        form
    }

    /// Whether a file that begins with `head` can be of this kind.
    pub fn fits(self, head: &[u8]) -> bool {
        match self {
            Self::Gpg => openpgp::begins_message(head),
            Self::Age => head.starts_with(b"age-encryption.org/v1\n"),
        }
    }
}

/// One layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// It is encrypted.
    Sealed(Cipher),
    /// It is a part, with this number.
    Part(u32),
}

/// The outermost layer of a file, and the name of what is in it.
pub fn outermost(name: &OsStr) -> Option<(&OsStr, Layer)> {
    let bytes = name.as_bytes();
    let sealed = Cipher::ALL
        .into_iter()
        .find_map(|cipher| Some((bytes.strip_suffix(cipher.suffix().as_bytes())?, Layer::Sealed(cipher))));
    let (inner, layer) = sealed.or_else(|| part(bytes))?;
    (!inner.is_empty()).then(|| (OsStr::from_bytes(inner), layer))
}

/// A name that ends in `_` and five digits.
fn part(name: &[u8]) -> Option<(&[u8], Layer)> {
    let (inner, end) = name.split_last_chunk::<{ DIGITS + 1 }>()?;
    let digits = end.strip_prefix(b"_").filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let number = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    Some((inner, Layer::Part(number)))
}

/// The name of a part of `name`.
pub fn part_name(name: &OsStr, number: u64) -> OsString {
    let mut part = name.as_bytes().to_vec();
    part.extend_from_slice(format!("_{number:0DIGITS$}").as_bytes());
    OsString::from_vec(part)
}

/// All layers of a file, the outermost first.
pub fn layers(name: &OsStr) -> impl Iterator<Item = (&OsStr, Layer)> {
    std::iter::successors(outermost(name), |(inner, _)| outermost(inner))
}

/// Whether a file is encrypted, by its name: as a whole, in parts, or before it was split.
pub fn is_sealed(name: &OsStr) -> bool {
    layers(name).any(|(_, layer)| matches!(layer, Layer::Sealed(_)))
}

/// Whether `form` is `name` with any number of layers around it.
pub fn is_form_of(form: &OsStr, name: &OsStr) -> bool {
    layers(form).any(|(inner, _)| inner == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_peeled_from_the_outside() {
        let of = |name: &'static str| layers(OsStr::new(name)).collect::<Vec<_>>();
        let gpg = Layer::Sealed(Cipher::Gpg);
        assert_eq!(of("a.tar"), []);
        assert_eq!(of("a.tar.gpg"), [(OsStr::new("a.tar"), gpg)]);
        assert_eq!(
            of("a_00012.age"),
            [(OsStr::new("a_00012"), Layer::Sealed(Cipher::Age)), (OsStr::new("a"), Layer::Part(12))]
        );
        assert_eq!(
            of("a.gpg.gpg_99999"),
            [
                (OsStr::new("a.gpg.gpg"), Layer::Part(99_999)),
                (OsStr::new("a.gpg"), gpg),
                (OsStr::new("a"), gpg)
            ]
        );
        for name in [".gpg", "_00000", "a_0000", "a_0000x", "a00000", "a.GPG"] {
            assert_eq!(of(name), [], "{name}");
        }
    }

    #[test]
    fn encrypted_and_split_forms_are_recognised() {
        let is_form = |form: &str| is_form_of(OsStr::new(form), OsStr::new("a.tar"));
        for form in ["a.tar.gpg", "a.tar_00000", "a.tar_00012.gpg", "a.tar.age_00003", "a.tar.gpg.gpg"] {
            assert!(is_form(form), "{form}");
        }
        for form in ["a.tar", "a.tar.gz", "a.tar_000", "a.tar_00000x", "b.tar.gpg"] {
            assert!(!is_form(form), "{form}");
        }
        assert!(is_sealed(OsStr::new("a.gpg_00000")));
        assert!(!is_sealed(OsStr::new("a_00000")));
    }

    #[test]
    fn parts_are_numbered_with_five_digits() {
        assert_eq!(part_name(OsStr::new("x"), 7), "x_00007");
        assert_eq!(part_name(OsStr::new("x"), MOST_PARTS - 1), "x_99999");
    }
}
