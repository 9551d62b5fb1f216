//! SCSI ids.

use super::Mismatch;

/// `[METHOD:]BUS,TARGET,LUN` or a service path of the `IO…Services` kind, kept as it is written.
///
/// # Errors
/// For everything else.
pub fn scsi_id(text: &str) -> Result<String, Mismatch> {
    let id = text.trim();
    if is_address(id) || is_service(id) {
        Ok(text.to_owned())
    } else {
        Err(Mismatch("must be a SCSI id such as `1,0,0`, `ATA:1,0,0` or `IOCompactDiscServices/1`"))
    }
}

fn is_address(id: &str) -> bool {
    let (method, address) = id.rsplit_once(':').unwrap_or(("", id));
    let numbers: Vec<&str> = address.split(',').map(str::trim).collect();
    !method.contains('\n') && numbers.len() == 3 && numbers.iter().all(|number| is_number(number))
}

fn is_service(id: &str) -> bool {
    let path = match id.rsplit_once('/') {
        Some((path, number)) if is_number(number) => path,
        _ => id,
    };
    path.strip_prefix("IO").is_some_and(|rest| rest.ends_with("Services") && !rest.contains('\n'))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scsi_ids() {
        for text in [
            "0,0,0",
            " 1 , 2 ,3\n",
            "ATA:1,0,0",
            "a:b: 1,0,0",
            "ATA: 1,2,3 ",
            ":1,2,3",
            "IOServices",
            " IOCompactDiscServices/12 ",
            "IO x Services",
        ] {
            assert_eq!(scsi_id(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "1,0",
            "1,0,0,0",
            "ATA;1,0,0",
            "1,0,x",
            "1.0.0",
            "٣,0,0",
            "IOServices/",
            "IOServices/x",
            "IOServices/1/2",
            "iOServices",
            "a\nb:1,0,0",
            "/dev/cdrw",
        ] {
            assert!(scsi_id(text).is_err(), "{text:?}");
        }
    }
}
