//! What was asked for, told from the text that the client sent.

/// Which way a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the one who asks.
    Fetch,
    /// From the one who asks.
    Store,
}

/// A request of `scp` in the old protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) direction: Direction,
    /// `-v` and `-p`, where they were there. `-r` means nothing, since only plain files are copied.
    pub(super) flags: Vec<&'static str>,
    /// The path, without the backslashes that were meant for a shell.
    pub(super) path: Vec<u8>,
    /// Whether the path ends in a star that a shell would take for a pattern.
    pub(super) has_star: bool,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Copy(Copy),
    Sftp,
    /// Nothing that has to do with copying.
    Other,
}

pub(super) fn read(request: &[u8]) -> Wanted {
    if request.split(|byte| *byte == b'/').next_back() == Some(b"sftp-server") || request == b"internal-sftp"
    {
        return Wanted::Sftp;
    }
    copy(request).map_or(Wanted::Other, Wanted::Copy)
}

/// OpenSSH sends `scp [-v] [-r] [-p] -f PATH` or `-t`, and `-- ` before a path that begins with a dash.
fn copy(request: &[u8]) -> Option<Copy> {
    let mut rest = request.strip_prefix(b"scp ")?;
    let mut flags = Vec::new();
    for (word, flag) in [(&b"-v "[..], Some("-v")), (b"-r ", None), (b"-p ", Some("-p"))] {
        if let Some(behind) = rest.strip_prefix(word) {
            rest = behind;
            flags.extend(flag);
        }
    }
    let (direction, text) = match rest {
        [b'-', b'f', b' ', path @ ..] => (Direction::Fetch, path),
        [b'-', b't', b' ', path @ ..] => (Direction::Store, path),
        _ => return None,
    };
    Some(Copy { direction, flags, path: unescaped(text)?, has_star: text.ends_with(b"/*") })
}

/// The text without the backslashes that keep a shell from seeing a meaning in what follows them.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        path.push(if *byte == b'\\' { *bytes.next()? } else { *byte });
    }
    Some(path)
}
