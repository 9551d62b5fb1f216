//! Dumps of database servers: how their files are named, and how one ends that is complete. Whoever writes them and whoever
//! reads them has to agree on it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use bstr::ByteSlice;

use crate::Compression;

/// How much of the end of a dump is looked at.
const END: usize = 1024;

/// Whose dump it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    /// MySQL or MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgresql,
}

/// What is in a dump.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// All databases of the server, and its users.
    Everything,
    /// What belongs to no database: roles and tablespaces of PostgreSQL.
    Globals,
    /// One database.
    Database(OsString),
}

/// What the name of a dump says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dump {
    /// Whose it is.
    pub server: Server,
    /// What is in it.
    pub content: Content,
}

impl Server {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mysql, Self::Postgresql];

    /// The word for it, in configurations and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Postgresql => "postgresql",
        }
    }
}

/// The name of the file with the globals. To the originals and their manual it is no dump of a database: any name between
/// `postgresqldump-` and `.txt` can be that of a database.
const GLOBALS: &[u8] = b"postgresqlglobals";

impl Dump {
    /// The name of its file, as the originals choose it. What cannot be in a file name is written `%2F`.
    pub fn file_name(&self, compression: Compression) -> OsString {
        let mut name = match &self.content {
            Content::Globals => GLOBALS.to_vec(),
            Content::Everything | Content::Database(_) => format!("{}dump", self.server.name()).into_bytes(),
        };
        if let Content::Database(database) = &self.content {
            name.push(b'-');
            name.extend(escaped(database.as_bytes()));
        }
        name.extend_from_slice(b".txt");
        name.extend_from_slice(compression.suffix().as_bytes());
        OsString::from_vec(name)
    }

    /// What the file `name` is a dump of, and how it is compressed; nothing if it is none.
    pub fn of_file(name: &OsStr) -> Option<(Self, Compression)> {
        let (stem, compression) = Compression::ALL.into_iter().find_map(|compression| {
            let stem = name.as_bytes().strip_suffix(compression.suffix().as_bytes())?;
            Some((stem.strip_suffix(b".txt")?, compression))
        })?;
        if stem == GLOBALS {
            return Some((Self { server: Server::Postgresql, content: Content::Globals }, compression));
        }
        Server::ALL.into_iter().find_map(|server| {
            let content = match stem.strip_prefix(server.name().as_bytes())?.strip_prefix(b"dump")? {
                b"" => Content::Everything,
                [b'-', database @ ..] if !database.is_empty() => {
                    Content::Database(OsString::from_vec(unescaped(database)))
                }
                _ => return None,
            };
            Some((Self { server, content }, compression))
        })
    }

    /// How the comment begins that ends a complete dump.
    fn mark(&self) -> &'static [u8] {
        match (self.server, &self.content) {
            // With `--skip-dump-date` nothing follows.
            (Server::Mysql, _) => b"-- Dump completed",
            (Server::Postgresql, Content::Database(_)) => b"-- PostgreSQL database dump complete",
            (Server::Postgresql, Content::Everything | Content::Globals) => {
                b"-- PostgreSQL database cluster dump complete"
            }
        }
    }
}

/// `/` becomes `%2F`; a `%` that could be taken for one of ours becomes `%25`. All else stays as the originals have it.
fn escaped(name: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for (index, byte) in name.iter().enumerate() {
        match byte {
            b'/' => escaped.extend_from_slice(b"%2F"),
            b'%' if begins_as_ours(&name[index + 1..]) => escaped.extend_from_slice(b"%25"),
            _ => escaped.push(*byte),
        }
    }
    escaped
}

fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    loop {
        rest = match rest {
            [] => return plain,
            [b'%', b'2', b'F', after @ ..] => {
                plain.push(b'/');
                after
            }
            [b'%', b'2', b'5', after @ ..] if begins_as_ours(after) => {
                plain.push(b'%');
                plain.extend_from_slice(&after[..2]);
                &after[2..]
            }
            [first, after @ ..] => {
                plain.push(*first);
                after
            }
        };
    }
}

fn begins_as_ours(after_percent: &[u8]) -> bool {
    after_percent.starts_with(b"2F") || after_percent.starts_with(b"25")
}

/// Passes a dump on and remembers how it ends.
pub struct Watched<W> {
    inner: W,
    mark: &'static [u8],
    end: Vec<u8>,
}

impl<W: Write> Watched<W> {
    /// What is written to it is `dump`, and goes to `inner`.
    pub fn new(inner: W, dump: &Dump) -> Self {
        Self { inner, mark: dump.mark(), end: Vec::new() }
    }

    /// Whether what was written ends as a complete dump does: with a comment that says so, and nothing after it but comments
    /// and, in newer dumps of PostgreSQL, `\unrestrict`.
    pub fn is_complete(&self) -> bool {
        let mut lines = self.end.lines().rev();
        let is_closing =
            |line: &&[u8]| line.is_empty() || *line == b"--" || line.starts_with(b"\\unrestrict ");
        lines.find(|line| !is_closing(line)).is_some_and(|line| line.starts_with(self.mark))
    }

    /// Where it went.
    pub fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        let last = &bytes[written.saturating_sub(END)..written];
        let surplus = (self.end.len() + last.len()).saturating_sub(END);
        self.end.drain(..surplus);
        self.end.extend_from_slice(last);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(server: Server, name: &str) -> Dump {
        Dump { server, content: Content::Database(name.into()) }
    }

    #[test]
    fn files_are_named_as_the_originals_name_them_and_the_names_lead_back() {
        for (dump, compression, name) in [
            (
                Dump { server: Server::Mysql, content: Content::Everything },
                Compression::Gzip,
                "mysqldump.txt.gz",
            ),
            (database(Server::Mysql, "web"), Compression::None, "mysqldump-web.txt"),
            (database(Server::Mysql, "a b.txt"), Compression::Bzip2, "mysqldump-a b.txt.txt.bz2"),
            (database(Server::Postgresql, "-x"), Compression::Zstd, "postgresqldump--x.txt.zst"),
            (database(Server::Postgresql, "../a/b"), Compression::None, "postgresqldump-..%2Fa%2Fb.txt"),
            (database(Server::Mysql, "100%"), Compression::None, "mysqldump-100%.txt"),
            (database(Server::Mysql, "%2F"), Compression::None, "mysqldump-%252F.txt"),
            (database(Server::Mysql, "%25"), Compression::None, "mysqldump-%2525.txt"),
            (database(Server::Mysql, "%252F%%25/"), Compression::None, "mysqldump-%25252F%%2525%2F.txt"),
            (
                Dump { server: Server::Postgresql, content: Content::Globals },
                Compression::Gzip,
                "postgresqlglobals.txt.gz",
            ),
            (database(Server::Postgresql, "globals"), Compression::Gzip, "postgresqldump-globals.txt.gz"),
        ] {
            assert_eq!(dump.file_name(compression), name);
            assert_eq!(Dump::of_file(OsStr::new(name)), Some((dump, compression)), "{name}");
        }
        for other in
            ["mysqldumped.txt", "mysqldump-.txt", "mysqldump", "mysqldump.txt.gz.gpg", "mysqlglobals.txt"]
        {
            assert_eq!(Dump::of_file(OsStr::new(other)), None, "{other}");
        }
    }

    fn is_complete(dump: &Dump, pieces: &[&str]) -> bool {
        let mut watched = Watched::new(io::sink(), dump);
        for piece in pieces {
            watched.write_all(piece.as_bytes()).unwrap();
        }
        watched.is_complete()
    }

    #[test]
    fn a_dump_is_complete_when_its_last_comment_says_so() {
        let mysql = database(Server::Mysql, "x");
        assert!(is_complete(&mysql, &["INSERT …;\n", "-- Dump comp", "leted on 2026-11-24  2:00:00\n"]));
        assert!(is_complete(&mysql, &["-- Dump completed\n"]));
        assert!(!is_complete(&mysql, &[""]));
        assert!(!is_complete(&mysql, &["INSERT …;\n"]));
        assert!(!is_complete(&mysql, &["x -- Dump completed\n"]));
        assert!(!is_complete(&mysql, &["-- Dump completed on 2026-11-24\n", "INSERT …;\n"]));
        let long = "x".repeat(3 * END);
        assert!(is_complete(&mysql, &[&long, "\n", "-- Dump completed\n"]));
        assert!(is_complete(&mysql, &[&format!("{long}\n-- Dump completed\n")]));
        let postgresql = database(Server::Postgresql, "x");
        let end = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict Jjx6\n\n";
        assert!(is_complete(&postgresql, &["COPY …\n\\.\n", end]));
        assert!(!is_complete(
            &postgresql,
            &["--\n-- PostgreSQL database dump complete\n--\n\n\\connect y\n"]
        ));
        let cluster = Dump { server: Server::Postgresql, content: Content::Everything };
        assert!(!is_complete(&cluster, &[end]), "the end of one database is not that of the cluster");
        assert!(is_complete(&cluster, &[end, "--\n-- PostgreSQL database cluster dump complete\n--\n\n"]));
    }
}
