//! `.mcp.json`: our two servers go in and out, everything else keeps its order and its text.
//!
//! It only computes. The one surprise: a server of our names which is something else is not ours to replace: it is refused.

use anyhow::{Result, bail};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The names of our servers.
pub(super) const BOTH: [&str; 2] = [KUBERNETES, FGM];
/// The name of the server of the cluster.
const KUBERNETES: &str = "kubernetes";
/// The name of this project's own server.
pub(super) const FGM: &str = "fgm";
/// The program of the former, from npm, and its version. `ctl/tests/kind/mcp_call.py` checks the same.
const PACKAGE: &str = "kubernetes-mcp-server";
const VERSION: &str = "0.0.67";
/// The key of all servers.
const SERVERS: &str = "mcpServers";

/// Our servers.
pub(super) struct Servers {
    /// The path of the credentials for the cluster.
    pub(super) kubeconfig: String,
    /// The address of this project's own endpoint.
    pub(super) url: String,
}

/// An object whose values keep their text.
type Texts = IndexMap<String, Box<RawValue>>;

/// The fields that make a server ours.
type Fields = Vec<(&'static str, Value)>;

/// What is written: a text as it was, a value, or an object that is laid out anew.
#[derive(Serialize)]
#[serde(untagged)]
enum Piece {
    Text(Box<RawValue>),
    New(Value),
    Object(IndexMap<String, Piece>),
}

/// A file, with the servers apart from everything else in it.
struct Document {
    top: Texts,
    servers: Texts,
}

impl Servers {
    /// The text with our servers; the same text where they are in it.
    pub(super) fn put_into(&self, old: &str) -> Result<String> {
        let document = Document::read(old)?;
        let mut ours = IndexMap::new();
        for (name, fields) in self.fields() {
            let there = document.servers.get(name).map(|text| texts(text.get(), &format!("its server {name}")));
            let there = there.transpose()?.unwrap_or_default();
            if !there.is_empty() && !is_alike(name, &there) {
                bail!("its server {name} is another one than fgmctl makes, give it another name and try again");
            }
            if !has(&there, &fields) {
                let mut pieces = pieces(there);
                pieces.extend(fields.into_iter().map(|(key, value)| (key.to_owned(), Piece::New(value))));
                ours.insert(name.to_owned(), Piece::Object(pieces));
            }
        }
        if ours.is_empty() { Ok(old.to_owned()) } else { document.written(ours, old) }
    }

    /// The text without our servers; none where nothing else was in it.
    pub(super) fn taken_out_of(&self, old: &str) -> Result<Option<String>> {
        let mut document = Document::read(old)?;
        let before = document.servers.len();
        for (name, fields) in self.fields() {
            let server = document.servers.get(name).and_then(|text| texts(text.get(), name).ok());
            if server.is_some_and(|server| has(&server, &fields)) {
                document.servers.shift_remove(name);
            }
        }
        if document.servers.len() == before {
            return Ok(Some(old.to_owned()));
        }
        let nothing_else = document.servers.is_empty() && document.top.keys().all(|key| key == SERVERS);
        if nothing_else { Ok(None) } else { document.written(IndexMap::new(), old).map(Some) }
    }

    fn fields(&self) -> [(&'static str, Fields); 2] {
        let arguments = json!(["-y", format!("{PACKAGE}@{VERSION}"), "--kubeconfig", self.kubeconfig]);
        let kubernetes = vec![("command", json!("npx")), ("args", arguments)];
        let fgm = vec![("type", json!("http")), ("url", json!(self.url))];
        [(KUBERNETES, kubernetes), (FGM, fgm)]
    }
}

impl Document {
    fn read(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self { top: Texts::new(), servers: Texts::new() });
        }
        let top = texts(text, "it")?;
        let servers = top.get(SERVERS).map(|servers| texts(servers.get(), SERVERS)).transpose()?;
        Ok(Self { top, servers: servers.unwrap_or_default() })
    }

    /// The text with servers put in place of those of their names, or behind the others; laid out as the old text.
    fn written(self, ours: IndexMap<String, Piece>, old: &str) -> Result<String> {
        let mut servers = pieces(self.servers);
        servers.extend(ours);
        let mut top = pieces(self.top);
        top.insert(SERVERS.to_owned(), Piece::Object(servers));
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(indentation(old).as_bytes());
        top.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
        if old.is_empty() || old.ends_with('\n') {
            bytes.push(b'\n');
        }
        let text = String::from_utf8(bytes)?;
        let of_windows = old.contains("\r\n");
        Ok(if of_windows { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text })
    }
}

fn texts(text: &str, what: &str) -> Result<Texts> {
    let read = serde_json::from_str(text);
    read.map_err(|error| anyhow::anyhow!("{what} is not a JSON object ({error}), mend it and try again"))
}

fn pieces(texts: Texts) -> IndexMap<String, Piece> {
    texts.into_iter().map(|(key, text)| (key, Piece::Text(text))).collect()
}

/// Whether a server has all these fields.
fn has(server: &Texts, fields: &Fields) -> bool {
    fields.iter().all(|(key, value)| field(server, key) == *value)
}

/// Whether a server of our name is one that this tool may change: the same program, or the same kind of address.
fn is_alike(name: &str, server: &Texts) -> bool {
    let is_package = |argument: &Value| argument.as_str().is_some_and(|argument| argument.contains(PACKAGE));
    if name == KUBERNETES {
        return field(server, "args").as_array().is_some_and(|arguments| arguments.iter().any(is_package));
    }
    field(server, "url").as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:") && url.ends_with("/mcp"))
}

fn field(server: &Texts, key: &str) -> Value {
    server.get(key).and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or(Value::Null)
}

/// What a text puts before the keys of its outermost object.
fn indentation(text: &str) -> &str {
    let spaces = |line: &'_ str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let first = text.lines().find(|line| spaces(line) > 0 && !line.trim().is_empty());
    first.and_then(|line| line.get(..spaces(line))).unwrap_or("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> Servers {
        Servers { kubeconfig: "/home/x/.kube/mcp-fgm-a.kubeconfig".into(), url: "http://127.0.0.1:20002/mcp".into() }
    }

    const NEW: &str = r#"{
  "mcpServers": {
    "kubernetes": {
      "command": "npx",
      "args": [
        "-y",
        "kubernetes-mcp-server@0.0.67",
        "--kubeconfig",
        "/home/x/.kube/mcp-fgm-a.kubeconfig"
      ]
    },
    "fgm": {
      "type": "http",
      "url": "http://127.0.0.1:20002/mcp"
    }
  }
}
"#;

    #[test]
    fn a_file_that_is_new_has_our_servers_and_goes_with_them() {
        assert_eq!(servers().put_into("").unwrap(), NEW);
        assert_eq!(servers().put_into(NEW).unwrap(), NEW);
        assert_eq!(servers().taken_out_of(NEW).unwrap(), None);
    }

    #[test]
    fn everything_else_keeps_its_order_and_its_text() {
        let old = "{\n\t\"z\": [1,  2.50],\n\t\"mcpServers\": {\n\t\t\"other\": { \"command\":\"x\",\n\t\t  \"env\": {} }\n\t},\n\t\"a\": null\n}";
        let new = servers().put_into(old).unwrap();
        let kept = "{\n\t\"z\": [1,  2.50],\n\t\"mcpServers\": {\n\t\t\"other\": { \"command\":\"x\",\n\t\t  \"env\": {} },\n\t\t\"kubernetes\": {";
        assert!(new.starts_with(kept) && new.ends_with("\n\t},\n\t\"a\": null\n}"), "{new}");
        assert_eq!(servers().taken_out_of(&new).unwrap().as_deref(), Some(old));
        let old = old.replace('\n', "\r\n");
        assert_eq!(servers().taken_out_of(&servers().put_into(&old).unwrap()).unwrap(), Some(old));
    }

    #[test]
    fn an_older_one_of_ours_is_brought_up_to_date_with_what_was_added() {
        let old = NEW
            .replace("20002", "20012")
            .replace("@0.0.67", "@0.0.1")
            .replace("\"npx\",", "\"npx\",\n      \"env\": {\"A\": \"1\"},");
        let new = servers().put_into(&old).unwrap();
        assert_eq!(new.replace("\n      \"env\": {\"A\": \"1\"},", ""), NEW);
        assert!(new.contains("\"env\": {\"A\": \"1\"}"));
        assert_eq!(servers().taken_out_of(&old).unwrap(), Some(old), "another worktree's are not ours");
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_next_step() {
        for (old, begins) in [
            ("{", "it is not a JSON object ("),
            ("{} // mine", "it is not a JSON object ("),
            ("[]", "it is not a JSON object ("),
            (r#"{"mcpServers": []}"#, "mcpServers is not a JSON object ("),
            (r#"{"mcpServers": {"fgm": 1}}"#, "its server fgm is not a JSON object ("),
            (
                r#"{"mcpServers": {"kubernetes": {"command": "mine"}}}"#,
                "its server kubernetes is another one than fgmctl makes, ",
            ),
        ] {
            let told = servers().put_into(old).unwrap_err().to_string();
            assert!(told.starts_with(begins) && told.ends_with(" and try again"), "{told}");
        }
    }

    #[test]
    fn the_check_on_a_cluster_starts_the_same_program() {
        let script = include_str!("../../../tests/kind/mcp_call.py");
        assert!(script.contains(&format!("\"{PACKAGE}@{VERSION}\"")));
    }
}
