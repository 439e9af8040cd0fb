//! Passes scrapes on to an agent, with or without the format that the scraper asks for, and keeps what it was given.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What becomes of a request's `Accept`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accept {
    Passed,
    TakenAway,
}

/// A relay on loopback; its thread ends with the test program.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    content_type: Arc<Mutex<String>>,
}

impl Relay {
    pub(crate) fn start(target: SocketAddr, accept: Accept) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let content_type: Arc<Mutex<String>> = Arc::default();
        let kept = Arc::clone(&content_type);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A scraper that hangs up is its own affair.
                if let Ok(given) = pass_on(client, target, accept) {
                    *kept.lock().expect("the content type") = given;
                }
            }
        });
        Self { address, content_type }
    }

    /// The content type of the last answer.
    pub(crate) fn content_type(&self) -> String {
        self.content_type.lock().expect("the content type").clone()
    }
}

/// One request and its answer; the content type.
fn pass_on(client: TcpStream, target: SocketAddr, accept: Accept) -> std::io::Result<String> {
    let mut head = String::new();
    for line in BufReader::new(&client).lines() {
        let line = line?;
        let name = line.split(':').next().unwrap_or("").to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if name != "connection" && !(name == "accept" && accept == Accept::TakenAway) {
            head.push_str(&format!("{line}\r\n"));
        }
    }
    let mut agent = TcpStream::connect(target)?;
    agent.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    agent.read_to_end(&mut answer)?;
    (&client).write_all(&answer)?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let content_type = text.lines().find_map(|line| line.strip_prefix("content-type: ").map(str::to_owned));
    Ok(content_type.unwrap_or_default())
}
