//! As much of HTTP as a proxy for tests needs.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Names and values.
type Headers = Vec<(String, String)>;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` and so on.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// In their order.
    pub headers: Headers,
    /// The content.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// 200 and so on.
    pub status: u16,
    /// In their order.
    pub headers: Headers,
    /// The content.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers.
    pub fn new(method: &str, path: &str, body: &[u8]) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: body.to_vec() }
    }

    /// Whether it asks for a listing of objects.
    pub fn is_listing(&self) -> bool {
        self.method == "GET" && self.path.contains("list-type=2")
    }

    /// Takes away every header whose name begins with `prefix`.
    pub fn drop_headers(&mut self, prefix: &str) {
        self.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with(prefix));
    }
}

impl Response {
    /// An answer as S3 gives it when something is wrong.
    pub fn error(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>");
        let headers = vec![("Content-Type".to_owned(), "application/xml".to_owned())];
        Self { status, headers, body: body.into_bytes() }
    }
}

/// Sends a request on, with a connection of its own.
pub(super) fn forward(port: u16, request: &Request) -> Option<Response> {
    let mut stream = super::connect(port)?;
    let Request { method, path, headers, body } = request;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
    for (name, value) in headers {
        if !is_ours(name) {
            let _infallible = write!(head, "{name}: {value}\r\n");
        }
    }
    let _infallible = write!(head, "Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut reader = BufReader::new(stream);
    let (first, headers) = read_head(&mut reader).ok()??;
    let status = first.split(' ').nth(1)?.parse().ok()?;
    let body = if method == "HEAD" { Vec::new() } else { read_body(&mut reader, &headers, true).ok()? };
    Some(Response { status, headers, body })
}

/// What is between us and whoever is at the other end, and nobody else.
fn is_ours(name: &str) -> bool {
    ["host", "connection", "content-length", "transfer-encoding", "expect"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

/// Reads a request; nothing when there is none any more.
pub(super) fn read_request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let Some((first, headers)) = read_head(reader)? else { return Ok(None) };
    if header(&headers, "expect").is_some() {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = read_body(reader, &headers, false)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Ok(Some(Request { method, path, headers, body }))
}

pub(super) fn write_response(
    mut stream: &TcpStream,
    request: &Request,
    response: &Response,
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", response.status);
    for (name, value) in response.headers.iter().filter(|(name, _)| !is_ours(name)) {
        let _infallible = write!(head, "{name}: {value}\r\n");
    }
    let length = match header(&response.headers, "content-length") {
        Some(length) if request.method == "HEAD" => length.to_owned(),
        _ => response.body.len().to_string(),
    };
    let _infallible = write!(head, "Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    if request.method == "HEAD" { Ok(()) } else { stream.write_all(&response.body) }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => return Ok(Some((first.trim_end().to_owned(), headers))),
        }
    }
}

fn read_body(reader: &mut impl BufRead, headers: &[(String, String)], to_end: bool) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if header(headers, "transfer-encoding").is_some() {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim().split(';').next().unwrap_or_default(), 16);
            let size = size.map_err(io::Error::other)?;
            reader.by_ref().take(size).read_to_end(&mut body)?;
            let mut end = String::new();
            reader.read_line(&mut end)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match header(headers, "content-length").and_then(|length| length.parse::<u64>().ok()) {
        Some(length) => reader.take(length).read_to_end(&mut body)?,
        None if to_end => reader.read_to_end(&mut body)?,
        None => 0,
    };
    Ok(body)
}

pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A key as it stands in a path.
pub fn encode(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    key.bytes().fold(String::new(), |mut text, byte| {
        let _infallible =
            if plain(byte) { write!(text, "{}", byte as char) } else { write!(text, "%{byte:02X}") };
        text
    })
}

/// The key that a listing means.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, after.split_at_checked(2)) {
            (b'%', Some((hex, behind))) => {
                let hex = std::str::from_utf8(hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                bytes.push(hex.expect("a listing is encoded well"));
                rest = behind;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}
