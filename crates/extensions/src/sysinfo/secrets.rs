//! Configuration files that are reported may hold passwords.

/// What comes before a secret.
const KEYS: [&[u8]; 7] = [b"password", b"passwd", b"passphrase", b"pass", b"psk", b"secret", b"wep-key"];

/// The text with everything left out that looks like a secret, to the end of its field: `password=`, `wpa-psk `.
pub(super) fn without_secrets(text: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(without_secret).collect();
    lines.join(&b'\n')
}

fn without_secret(line: &[u8]) -> Vec<u8> {
    let lower = line.to_ascii_lowercase();
    let values = (0..line.len()).filter_map(|start| {
        let rest = &lower[start..];
        let key = KEYS.iter().find(|key| rest.starts_with(key))?;
        // `wep-key0`
        let digits = rest[key.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = start + key.len() + digits;
        lower.get(end).is_some_and(|byte| b"=: \t".contains(byte)).then_some(end + 1)
    });
    let Some(value) = values.min() else { return line.to_owned() };
    let rest = &line[value..];
    // In the options of a mount others may follow; a password can hold a comma, so all of them go.
    let length = match line[value - 1] {
        b'=' => rest.iter().position(|byte| b" \t".contains(byte)).unwrap_or(rest.len()),
        _ => rest.len(),
    };
    [&line[..value], b"(left out)", &rest[length..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(text: &str) -> String {
        String::from_utf8(without_secrets(text.as_bytes())).unwrap()
    }

    #[test]
    fn passwords_are_left_out_and_nothing_else() {
        for (text, expected) in [
            ("//nas/x /mnt cifs user=a,password=b,c 0 0", "//nas/x /mnt cifs user=a,password=(left out) 0 0"),
            ("\twpa-psk  my secret", "\twpa-psk (left out)"),
            ("wireless-key1 x\nwep-key0 12345", "wireless-key1 x\nwep-key0 (left out)"),
            ("Password: x", "Password:(left out)"),
            ("root UUID=1 /etc/keys/secret.key luks", "root UUID=1 /etc/keys/secret.key luks"),
            ("credentials=/root/cifs\n", "credentials=/root/cifs\n"),
            ("bypass the rest", "bypass (left out)"),
        ] {
            assert_eq!(without(text), expected);
        }
    }
}
