//! Documents against the fields of Kubernetes 1.20, which `kubernetes-1.20.txt` has from its API server.
//!
//! The test on a cluster applies the overlays for Kind to such a server; this needs none, and names the field.

use std::collections::BTreeMap;

use serde_json::Value;

const FIELDS: &str = include_str!("kubernetes-1.20.txt");

/// The fields of a type, each with its own type where that has fields.
type Fields = BTreeMap<&'static str, Option<&'static str>>;
type Types = BTreeMap<&'static str, Fields>;

/// The paths of what Kubernetes 1.20 does not know in a document.
pub(crate) fn unknown(document: &Value) -> Vec<String> {
    let types: Types = FIELDS.lines().filter(|line| !line.starts_with('#')).map(of_line).collect();
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let name = format!("{version}/{kind}");
    let mut unknown = Vec::new();
    if types.contains_key(&*name) {
        descend(&types, &name, document, kind, &mut unknown);
    } else {
        unknown.push(name);
    }
    unknown
}

fn of_line(line: &'static str) -> (&'static str, Fields) {
    let (name, fields) = line.split_once(' ').expect("a type and its fields");
    let field = |word: &'static str| word.split_once(':').map_or((word, None), |(field, its)| (field, Some(its)));
    (name, fields.split(' ').map(field).collect())
}

fn descend(types: &Types, name: &str, value: &Value, path: &str, unknown: &mut Vec<String>) {
    if let Value::Array(items) = value {
        for (index, item) in items.iter().enumerate() {
            descend(types, name, item, &format!("{path}/{index}"), unknown);
        }
    }
    for (field, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}/{field}");
        match types[name].get(&**field) {
            Some(Some(its)) => descend(types, its, value, &path, unknown),
            Some(None) => {}
            None => unknown.push(path),
        }
    }
}
