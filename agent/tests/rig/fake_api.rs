//! An API server over real HTTP on loopback that serves pods: lists in pages, watches, and every way to fail.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use serde_json::{Value, json};

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    /// 200, and text that is no JSON.
    Garbage,
    /// JSON, but of something else.
    Nonsense,
    Forbidden,
    /// 410 to each watch; lists are good.
    Expired,
    /// 410 as an event of a watch that began well.
    ExpiredLater,
    Failing,
    /// The connection ends before an answer.
    HangsUp,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    /// Watches of an earlier epoch end at once.
    epoch: u64,
    listening: bool,
    version: u64,
    pods: Vec<Value>,
    events: Vec<(u64, String)>,
    requests: Vec<String>,
}

/// The server; it ends when dropped.
pub(crate) struct FakeApi {
    shared: Arc<(Mutex<State>, Condvar)>,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl FakeApi {
    pub(crate) fn with(pods: Vec<Value>) -> Self {
        let state = State {
            mood: Mood::Good,
            epoch: 0,
            listening: true,
            version: 100,
            pods,
            events: Vec::new(),
            requests: Vec::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let api =
            Self { shared: Arc::new((Mutex::new(state), Condvar::new())), address, directory: super::open_directory() };
        api.accept(listener);
        api
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let path = self.directory.path().join("kubeconfig");
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{ "name": "k", "cluster": { "server": format!("http://{}", self.address) } }],
            "contexts": [{ "name": "c", "context": { "cluster": "k", "user": "u" } }],
            "users": [{ "name": "u", "user": { "token": "secret" } }],
        });
        std::fs::write(&path, text.to_string()).expect("write");
        path
    }

    /// A pod is new, has changed, or is gone.
    pub(crate) fn tell(&self, what: &str, mut pod: Value) {
        self.change(|state| {
            state.version += 1;
            pod["metadata"]["resourceVersion"] = json!(state.version.to_string());
            let name = pod["metadata"]["name"].clone();
            state.pods.retain(|known| known["metadata"]["name"] != name);
            if what != "DELETED" {
                state.pods.push(pod.clone());
            }
            let event = (state.version, json!({ "type": what, "object": pod }).to_string());
            state.events.push(event);
        });
    }

    /// A line that a watch gets as it is.
    pub(crate) fn say(&self, line: &str) {
        self.change(|state| {
            state.version += 1;
            state.events.push((state.version, line.to_owned()));
        });
    }

    /// From now on; open watches break.
    pub(crate) fn mood(&self, mood: Mood) {
        self.change(|state| (state.mood, state.epoch) = (mood, state.epoch + 1));
    }

    /// Nobody listens any more.
    pub(crate) fn disappear(&self) {
        self.change(|state| (state.listening, state.epoch) = (false, state.epoch + 1));
        // The listener's thread sees it at the next connection.
        drop(TcpStream::connect(self.address));
        super::eventually("the port's end", || TcpStream::connect(self.address).is_err().then_some(()));
    }

    /// At the same address, and without what was told before: as after a restart.
    pub(crate) fn come_back(&self) {
        let listener = super::eventually("the same port", || TcpListener::bind(self.address).ok());
        self.change(|state| {
            state.listening = true;
            state.events.clear();
        });
        self.accept(listener);
    }

    /// The first lines of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.shared.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().expect("no panic")
    }

    fn accept(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if !shared.0.lock().expect("no panic").listening {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.change(|state| (state.listening, state.epoch) = (false, state.epoch + 1));
        drop(TcpStream::connect(self.address));
    }
}

/// One request; the connection ends with its answer. `None` where the client has gone.
fn serve(mut stream: &TcpStream, shared: &(Mutex<State>, Condvar)) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    assert!(head.iter().any(|line| line.to_lowercase() == "authorization: bearer secret"), "{head:?}");
    let mut state = shared.0.lock().expect("no panic");
    state.requests.push(first.clone());
    let address = first.split(' ').nth(1)?;
    let parameter = |name: &str| {
        let query = address.split_once('?')?.1;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let watches = parameter("watch") == Some("true");
    let (code, body) = match state.mood {
        Mood::HangsUp => return None,
        Mood::Garbage => (200, "<html>Welcome to the hotel</html>".to_owned()),
        Mood::Nonsense => (200, json!({ "kind": "ConfigMapList", "metadata": {}, "items": [7, {}] }).to_string()),
        Mood::Forbidden => (403, refusal(403, "pods is forbidden: User \"u\" cannot list resource \"pods\"")),
        Mood::Failing => (500, refusal(500, "etcdserver: request timed out")),
        Mood::Expired if watches => (410, refusal(410, "too old resource version")),
        _ if watches => {
            let from = parameter("resourceVersion")?.parse().ok()?;
            drop(state);
            return watch(stream, shared, from);
        }
        _ => (200, page(&state, &parameter)),
    };
    drop(state);
    let length = body.len();
    let head = format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
    write!(stream, "{head}Connection: close\r\n\r\n{body}").ok()
}

fn refusal(code: u16, message: &str) -> String {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code }).to_string()
}

fn page<'a>(state: &State, parameter: &impl Fn(&str) -> Option<&'a str>) -> String {
    let from: usize = parameter("continue").map_or(0, |token| token.parse().expect("a token of ours"));
    let limit: usize = parameter("limit").map_or(usize::MAX, |limit| limit.parse().expect("a number"));
    let to = from.saturating_add(limit).min(state.pods.len());
    let next = if to < state.pods.len() { to.to_string() } else { String::new() };
    let metadata = json!({ "resourceVersion": state.version.to_string(), "continue": next });
    json!({ "kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": state.pods[from..to] }).to_string()
}

fn watch(mut stream: &TcpStream, shared: &(Mutex<State>, Condvar), from: u64) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).ok()?;
    let (mutex, changed) = shared;
    let (mut sent, epoch) = (from, mutex.lock().expect("no panic").epoch);
    loop {
        let lines: Vec<String> = {
            let waits = |state: &mut State| {
                let is_over = state.epoch != epoch || state.mood == Mood::ExpiredLater;
                !is_over && !state.events.iter().any(|(version, _)| *version > sent)
            };
            let state = changed.wait_while(mutex.lock().expect("no panic"), waits).expect("no panic");
            if state.mood == Mood::ExpiredLater {
                let gone = json!({ "type": "ERROR", "object": { "kind": "Status", "code": 410, "message": "old" } });
                vec![gone.to_string()]
            } else if state.epoch != epoch {
                return None;
            } else {
                let new = state.events.iter().filter(|(version, _)| *version > sent);
                let lines = new.map(|(_, line)| line.clone()).collect();
                sent = state.version;
                lines
            }
        };
        let is_over = lines.first().is_some_and(|line| line.contains("\"code\":410"));
        for line in lines {
            // In two chunks: a line does not come in one piece.
            let (first, second) = line.as_bytes().split_at(line.len() / 2);
            for part in [first, second, b"\n"] {
                write!(stream, "{:x}\r\n", part.len()).ok()?;
                stream.write_all(part).ok()?;
                stream.write_all(b"\r\n").ok()?;
            }
        }
        if is_over {
            return stream.write_all(b"0\r\n\r\n").ok();
        }
    }
}
