//! HTTP/1.1 over one kept-alive connection: as little as the load needs, so that the machine's time is the server's.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that is opened when it is needed, and again after it broke.
pub struct Connection {
    address: SocketAddr,
    host: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, with its query.
    pub path: &'a str,
    /// The session's cookie, as `name=value`.
    pub cookie: Option<&'a str>,
    /// An operator's token.
    pub bearer: Option<&'a str>,
    /// The body and its media type.
    pub body: Option<(&'a str, &'a [u8])>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The cookie that was set, as `name=value`.
    pub cookie: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Connection {
    /// A connection to a server that browsers know as `host` (with its port).
    pub fn new(address: SocketAddr, host: impl Into<String>) -> Self {
        Self { address, host: host.into(), stream: None, buffer: Vec::new() }
    }

    /// Goes on with another server; nothing happens if it is the same.
    pub fn turn_to(&mut self, address: SocketAddr) {
        if self.address != address {
            (self.address, self.stream) = (address, None);
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// When the connection breaks; whether the server did what was asked is not known then. The next question opens
    /// another connection.
    pub fn ask(&mut self, question: &Question<'_>) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        write_question(&mut stream, &self.host, question)?;
        let (answer, stays_open) = read_answer(&mut stream, &mut self.buffer)?;
        if stays_open {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn write_question(stream: &mut TcpStream, host: &str, question: &Question<'_>) -> io::Result<()> {
    let mut text = format!("{} {} HTTP/1.1\r\nhost: {host}\r\n", question.method, question.path);
    if let Some(cookie) = question.cookie {
        text.push_str(&format!("cookie: {cookie}\r\n"));
    }
    if let Some(token) = question.bearer {
        text.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    if question.method != "GET" {
        text.push_str(&format!("origin: http://{host}\r\nsec-fetch-site: same-origin\r\n"));
    }
    if let Some((media_type, body)) = question.body {
        text.push_str(&format!("content-type: {media_type}\r\ncontent-length: {}\r\n", body.len()));
    } else if question.method != "GET" {
        text.push_str("content-length: 0\r\n");
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(question.body.map_or(&[], |(_, body)| body));
    stream.write_all(&bytes)
}

/// Reads one answer; says whether the connection stays open after it.
fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(Answer, bool)> {
    buffer.clear();
    let head = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        read_more(stream, buffer)?;
    };
    let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| malformed("no status"))?;
    let (mut length, mut cookie, mut stays_open) = (None, None, !text.starts_with("HTTP/1.0"));
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse::<usize>().ok(),
            "set-cookie" => cookie = value.split(';').next().map(str::to_owned),
            "connection" if value.eq_ignore_ascii_case("close") => stays_open = false,
            "transfer-encoding" => return Err(malformed("an answer in chunks")),
            _ => {}
        }
    }
    let length = match (length, status) {
        (Some(length), _) => length,
        (None, 204 | 304) => 0,
        (None, _) => return Err(malformed("an answer without its length")),
    };
    while buffer.len() < head + length {
        read_more(stream, buffer)?;
    }
    Ok((Answer { status, cookie, body: buffer[head..head + length].to_vec() }, stays_open))
}

fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    let before = buffer.len();
    buffer.resize(before + 4096, 0);
    let read = stream.read(&mut buffer[before..]);
    buffer.truncate(before + *read.as_ref().unwrap_or(&0));
    match read? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
