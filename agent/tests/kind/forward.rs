//! The agent's API through `kubectl port-forward`, which reaches the pod's loopback address.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, NAMESPACE, eventually};

/// A forward to the pod that is the agent now; it ends with this value, or with the pod.
pub(crate) struct Forward {
    child: Child,
    address: SocketAddr,
}

impl Forward {
    pub(crate) fn to_the_agent(cluster: &Cluster) -> Self {
        eventually("a port-forward to the agent", || Self::start(cluster))
    }

    fn start(cluster: &Cluster) -> Option<Self> {
        // A kubectl that cannot forward ends by itself; one that hangs is ended by `timeout`.
        let mut child = Command::new("timeout")
            .args(["600", "kubectl", "--kubeconfig"])
            .arg(cluster.kubeconfig())
            .args(["-n", NAMESPACE, "port-forward", "daemonset/fgm-agent", "--address", "127.0.0.1", ":8050"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start kubectl");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (address, _) = line.strip_prefix("Forwarding from ")?.split_once(" -> ")?;
            address.parse().ok()
        });
        // It says more with every connection, and ends when nobody reads it.
        std::thread::spawn(move || lines.for_each(drop));
        match address {
            Some(address) => Some(Self { child, address }),
            None => {
                end(&mut child);
                None
            }
        }
    }

    /// What a path answers, once it answers 200.
    pub(crate) fn text(&self, target: &str) -> String {
        eventually(target, || self.ask(target))
    }

    /// What a path answers, as JSON.
    pub(crate) fn json(&self, target: &str) -> Value {
        serde_json::from_str(&self.text(target)).expect("JSON")
    }

    /// One request; none where the forward or the agent does not answer it with 200.
    fn ask(&self, target: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// SIGTERM, which `timeout` passes on to kubectl; SIGKILL would leave kubectl behind.
fn end(child: &mut Child) {
    let _ = rustix::process::kill_process(rustix::process::Pid::from_child(child), rustix::process::Signal::TERM);
    let _ = child.wait();
}
