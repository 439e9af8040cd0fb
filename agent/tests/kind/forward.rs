//! The agent's API through `kubectl port-forward`, which reaches the pod's loopback address.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, NAMESPACE, eventually};

/// A forward to the pod that is the agent now; made anew where it breaks, as kubectl's do now and then.
pub(crate) struct Forward<'a> {
    cluster: &'a Cluster,
    link: RefCell<Option<Link>>,
}

impl<'a> Forward<'a> {
    pub(crate) fn to_the_agent(cluster: &'a Cluster) -> Self {
        Self { cluster, link: RefCell::new(Some(eventually("a port-forward to the agent", || Link::start(cluster)))) }
    }

    /// What a path answers, once it answers 200.
    pub(crate) fn text(&self, target: &str) -> String {
        eventually(target, || self.ask(target))
    }

    /// What a path answers, as JSON.
    pub(crate) fn json(&self, target: &str) -> Value {
        serde_json::from_str(&self.text(target)).expect("JSON")
    }

    fn ask(&self, target: &str) -> Option<String> {
        let mut link = self.link.borrow_mut();
        if link.as_mut().is_none_or(Link::is_broken) {
            *link = Link::start(self.cluster);
        }
        link.as_ref()?.ask(target)
    }
}

/// A running kubectl; it ends with this value, or with the pod.
struct Link {
    child: Child,
    address: SocketAddr,
}

impl Link {
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

    fn is_broken(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_some())
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

impl Drop for Link {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// SIGTERM, which `timeout` passes on to kubectl; SIGKILL would leave kubectl behind.
fn end(child: &mut Child) {
    let _ = rustix::process::kill_process(rustix::process::Pid::from_child(child), rustix::process::Signal::TERM);
    let _ = child.wait();
}
