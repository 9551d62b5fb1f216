//! A server of S3 that does nothing but list, of a directory that is said to be in a bucket: so that half a million objects need
//! not be stored before it can be measured how quickly somebody sees that nothing has changed.

use anyhow::{Context, Result};
use redcedar_archive::md5;
use redcedar_testing::s3::BUCKET;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many keys an answer has.
const PAGE: usize = 1000;

/// An object that is said to be there.
struct Object {
    key: String,
    size: u64,
    etag: String,
}

/// Lists the files of `tree` as the objects below `prefix`, in a thread that lasts as long as the program. Returns the URL.
pub(crate) fn serve(tree: &Path, prefix: &str) -> Result<String> {
    let objects = Arc::new(objects(tree, prefix)?);
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let objects = Arc::clone(&objects);
            std::thread::spawn(move || answer_all(&stream, &objects));
        }
    });
    Ok(url)
}

struct Reading {
    path: PathBuf,
    file: fs_err::File,
    size: u64,
}

impl md5::Source for Reading {
    fn content(&mut self) -> &mut impl Read {
        &mut self.file
    }
}

fn objects(tree: &Path, prefix: &str) -> Result<Vec<Object>> {
    let mut paths = Vec::new();
    let mut directories = vec![tree.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs_err::read_dir(directory)? {
            let entry = entry?;
            let place = if entry.file_type()?.is_dir() { &mut directories } else { &mut paths };
            place.push(entry.path());
        }
    }
    let mut objects = Vec::with_capacity(paths.len());
    let object = |path: &Path, size, digest: std::io::Result<[u8; 16]>| {
        let name = path.strip_prefix(tree)?.to_str().context("names are UTF-8")?;
        let etag = digest?.iter().fold(String::new(), |etag, byte| etag + &format!("{byte:02x}"));
        Ok(Object { key: format!("{prefix}{name}"), size, etag })
    };
    let mut failed = None;
    let next = || {
        let path = paths.pop()?;
        let file = fs_err::File::open(&path);
        let opened = file.and_then(|file| Ok(Reading { size: file.metadata()?.len(), path, file }));
        opened.map_err(|error| failed = Some(error)).ok()
    };
    md5::digest_all(next, |Reading { path, size, .. }, digest| objects.push(object(&path, size, digest)));
    if let Some(error) = failed {
        return Err(error.into());
    }
    let mut objects = objects.into_iter().collect::<Result<Vec<_>>>()?;
    objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(objects)
}

/// Answers requests until the connection ends.
fn answer_all(stream: &TcpStream, objects: &[Object]) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let mut line = String::new();
        while line.trim_end() != "" || line.is_empty() {
            line.clear();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        }
        let target = first.split(' ').nth(1)?;
        let body = page(target, objects);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/xml";
        let mut writer = stream;
        write!(writer, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    }
}

/// The keys behind the one that is named. The tree has no names that would have to be encoded.
fn page(target: &str, objects: &[Object]) -> String {
    let parameter = |name: &str| {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| value.replace("%2F", "/"))
    };
    let after = parameter("continuation-token").or_else(|| parameter("start-after")).unwrap_or_default();
    let begin = objects.partition_point(|object| object.key <= after);
    let end = objects.len().min(begin + PAGE);
    let mut text = String::from("<?xml version=\"1.0\"?><ListBucketResult><Name>");
    let _infallible = write!(text, "{BUCKET}</Name><IsTruncated>{}</IsTruncated>", end < objects.len());
    if end < objects.len() {
        let last = &objects[end - 1].key;
        let _infallible = write!(text, "<NextContinuationToken>{last}</NextContinuationToken>");
    }
    for Object { key, size, etag } in &objects[begin..end] {
        // Later than any file.
        let _infallible = write!(
            text,
            "<Contents><Key>{key}</Key><LastModified>2099-01-01T00:00:00.000Z</LastModified>\
             <ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        );
    }
    text + "</ListBucketResult>"
}
