//! Integers and floats, as Python reads them from text.

/// Text that is not a number, or not one in range. Reads on after the name of the element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not an integer.
    #[error("must be an integer")]
    NotInteger,
    /// Not a decimal number.
    #[error("must be a number")]
    NotFloat,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
    /// Below one.
    #[error("must be 1 or more")]
    NotPositive,
}

/// An integer: blanks around it, a sign, leading zeros, single underscores between digits and decimal digits of any
/// script are fine. The originals know no limit; beyond 64 bits the nearest number we have is taken.
///
/// # Errors
/// For everything else.
pub fn integer(text: &str) -> Result<i64, NumberError> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = plain_digits(digits).ok_or(NumberError::NotInteger)?;
    let magnitude = digits
        .bytes()
        .fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Ok(if negative { -magnitude } else { magnitude })
}

/// An integer of zero or more.
///
/// # Errors
/// For everything else.
pub fn non_negative(text: &str) -> Result<u64, NumberError> {
    u64::try_from(integer(text)?).map_err(|_| NumberError::Negative)
}

/// An integer of one or more.
///
/// # Errors
/// For everything else.
pub fn positive(text: &str) -> Result<u64, NumberError> {
    match integer(text)? {
        number @ 1.. => u64::try_from(number).map_err(|_| NumberError::NotPositive),
        _ => Err(NumberError::NotPositive),
    }
}

/// A decimal number that is kept as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Float {
    /// As written.
    pub text: String,
    /// What it means.
    pub value: f64,
}

/// Decimal or exponent notation with blanks around it, a sign, underscores between digits; also `inf`, `infinity` and
/// `nan` in any case.
///
/// # Errors
/// For everything else.
pub fn float(text: &str) -> Result<Float, NumberError> {
    let number = text.trim();
    let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
    let is_word = ["inf", "infinity", "nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    let plain = if is_word { Some(unsigned.to_owned()) } else { plain_float(unsigned) };
    let magnitude: f64 = plain.and_then(|plain| plain.parse().ok()).ok_or(NumberError::NotFloat)?;
    let value = if number.starts_with('-') { -magnitude } else { magnitude };
    Ok(Float { text: text.to_owned(), value })
}

/// A float of zero or more. Not-a-number is not less than zero and passes, as in the originals.
///
/// # Errors
/// For everything else.
pub fn non_negative_float(text: &str) -> Result<Float, NumberError> {
    let float = float(text)?;
    if float.value < 0.0 { Err(NumberError::Negative) } else { Ok(float) }
}

/// An unsigned float in ASCII digits without underscores, as `f64` reads it.
fn plain_float(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits_or_nothing =
        |text: &str| if text.is_empty() { Some("0".to_owned()) } else { plain_digits(text) };
    let mut plain = format!("{}.{}", digits_or_nothing(whole)?, digits_or_nothing(fraction)?);
    if let Some(exponent) = exponent {
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", exponent.strip_prefix('+').unwrap_or(exponent)),
        };
        plain.push('e');
        plain.push_str(sign);
        plain.push_str(&plain_digits(digits)?);
    }
    Some(plain)
}

/// Digits of any script as ASCII digits; single underscores between them are dropped.
fn plain_digits(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split('_').collect();
    if groups.iter().any(|group| group.is_empty()) {
        return None;
    }
    groups.concat().chars().map(ascii_digit).collect()
}

fn ascii_digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
    char::from_digit(code - zero, 10)
}

/// The zero of each script that has decimal digits. The other nine follow it.
const ZEROS: [u32; 66] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC,
    0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_python_reads_them() {
        for (text, expected) in [
            ("5", 5),
            (" +5\n", 5),
            ("-5", -5),
            ("-0", 0),
            ("007", 7),
            ("1_000", 1000),
            ("٣", 3),
            ("1２", 12),
            ("99999999999999999999", i64::MAX),
            ("-99999999999999999999", -i64::MAX),
        ] {
            assert_eq!(integer(text), Ok(expected), "{text:?}");
        }
        for text in ["", " ", "5.0", "0x5", "1e3", "5L", "_1", "1_", "1__0", "+ 5", "--5", "²", "½", "five"]
        {
            assert_eq!(integer(text), Err(NumberError::NotInteger), "{text:?}");
        }
    }

    #[test]
    fn ranges_of_integers() {
        assert_eq!(non_negative("0"), Ok(0));
        assert_eq!(non_negative("-1"), Err(NumberError::Negative));
        assert_eq!(positive("1"), Ok(1));
        assert_eq!(positive("0"), Err(NumberError::NotPositive));
    }

    #[test]
    fn floats_as_python_reads_them() {
        for (text, expected) in [
            ("1.3", 1.3),
            (" +.5 ", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1_0.0_1E-1", 1.001),
            ("-2", -2.0),
            ("٣.٣", 3.3),
        ] {
            assert!((float(text).unwrap().value - expected).abs() < 1e-12, "{text:?}");
        }
        assert!(float("Infinity").unwrap().value.is_infinite());
        assert!(float("-nAn").unwrap().value.is_nan());
        for text in ["", ".", "e3", "1e", "1_.5", "1._5", "0x1", "1,5", "in", "1 0", "1e_3", "+-1"] {
            assert_eq!(float(text), Err(NumberError::NotFloat), "{text:?}");
        }
    }

    #[test]
    fn a_factor_is_not_negative() {
        assert_eq!(non_negative_float("-0.1"), Err(NumberError::Negative));
        for text in ["0", "-0.0", "nan", "-nan", "inf"] {
            assert!(non_negative_float(text).is_ok(), "{text:?}");
        }
    }
}
