//! The least of an HTTP/1.1 client: one request per connection, bytes as they come.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// The sentence of an error.
    pub(crate) fn error(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()["error"].as_str().expect("a sentence").to_owned()
    }
}

pub(crate) fn get(address: SocketAddr, target: &str) -> Answer {
    request(address, "GET", target, "Host: localhost\r\n")
}

/// Sends one request with the given header lines and reads until the server closes.
pub(crate) fn request(address: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    raw(address, &format!("{method} {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
}

pub(crate) fn raw(address: SocketAddr, text: &str) -> Answer {
    let (answer, body) = bytes(address, text);
    Answer { body: String::from_utf8(body).expect("UTF-8"), ..answer }
}

/// The head of the answer, and the bytes of its body as they were meant.
pub(crate) fn bytes(address: SocketAddr, text: &str) -> (Answer, Vec<u8>) {
    let mut stream = connect(address, text);
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("the server answers");
    let split = all.windows(4).position(|window| window == b"\r\n\r\n").expect("a head and a body");
    let head = String::from_utf8(all[..split].to_vec()).expect("a head in ASCII");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let answer = Answer { status, head, body: String::new() };
    let body = all.split_off(split + 4);
    let is_chunked = answer.header("transfer-encoding") == Some("chunked");
    let body = if is_chunked && !body.is_empty() { dechunked(&body).expect("a whole body") } else { body };
    (answer, body)
}

/// Sends a request and leaves the answer to be read.
pub(crate) fn connect(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream.write_all(text.as_bytes()).expect("the server reads");
    stream
}

/// What the chunks hold; nothing where the last one is missing.
pub(crate) fn dechunked(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..line]).ok()?, 16).ok()?;
        chunks = &chunks[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(..size)?);
        chunks = chunks.get(size + 2..)?;
    }
}
