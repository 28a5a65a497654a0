//! A small HTTP server on loopback that behaves as a test tells it, one connection a request.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server does with a request.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// The file, or the part of it that `Range` asks for.
    Honest,
    /// The whole file with status 200, whatever is asked for.
    IgnoreRange,
    /// As honest, but closes the connection after so many bytes.
    CutAfter(usize),
    /// A partial answer that begins at byte 0, whatever is asked for.
    WrongRange,
    /// The whole file and then more, without saying how long it is.
    Endless,
    /// This status and no file.
    Status(u16),
}

/// A running server. Its thread ends with the process.
pub(crate) struct Server {
    /// The address of the file.
    pub(crate) url: String,
    /// The `Range` of each request so far, as it was sent.
    pub(crate) ranges: Arc<Mutex<Vec<Option<String>>>>,
}

impl Server {
    /// Serves `body`; the last of `answers` holds for all further requests.
    pub(crate) fn start(body: Vec<u8>, answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let url = format!("http://{}/file.gz", listener.local_addr().expect("bound"));
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers) = (Arc::clone(&ranges), answers.to_vec());
        thread::spawn(move || {
            for (i, stream) in listener.incoming().enumerate() {
                let answer = answers[i.min(answers.len() - 1)];
                let stream = stream.expect("a connection");
                let range = read_range(&stream);
                seen.lock().expect("not poisoned").push(range.clone());
                // The client may hang up first, as it should on wrong offers.
                let _ = respond(stream, &body, range.as_deref(), answer);
            }
        });
        Self { url, ranges }
    }

    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        self.ranges.lock().expect("not poisoned").clone()
    }
}

fn read_range(stream: &TcpStream) -> Option<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    headers.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("range").then(|| value.to_string())
    })
}

fn respond(
    mut stream: TcpStream,
    body: &[u8],
    range: Option<&str>,
    answer: Answer,
) -> std::io::Result<()> {
    let asked = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    let mut from = asked.map_or(0, |from| from.parse().expect("a number"));
    let mut status = if range.is_some() { 206 } else { 200 };
    match answer {
        Answer::Status(code) => {
            let head =
                format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            return stream.write_all(head.as_bytes());
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            stream.write_all(body)?;
            return stream.write_all(b"and more");
        }
        Answer::IgnoreRange => (from, status) = (0, 200),
        Answer::WrongRange => from = 0,
        Answer::Honest | Answer::CutAfter(_) => {}
    }
    let rest = &body[from..];
    let mut head = format!("HTTP/1.1 {status} OK\r\ncontent-length: {}\r\n", rest.len());
    if status == 206 {
        let (last, all) = (body.len() - 1, body.len());
        head += &format!("content-range: bytes {from}-{last}/{all}\r\n");
    }
    stream.write_all((head + "connection: close\r\n\r\n").as_bytes())?;
    match answer {
        Answer::CutAfter(bytes) => stream.write_all(&rest[..bytes.min(rest.len())]),
        _ => stream.write_all(rest),
    }
}
