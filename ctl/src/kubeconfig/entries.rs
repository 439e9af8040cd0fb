//! What is put into a kubeconfig: a cluster, a user and a context, all of one name, as `kind get kubeconfig` prints them.
//!
//! It writes YAML for these alone: mappings as blocks, everything else as JSON or a plain word.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::sections::List;

/// The three entries of a cluster.
pub(super) struct Entries {
    pub(super) name: String,
    cluster: Value,
    user: Value,
    context: Value,
}

impl Entries {
    /// Those of the context that `kind get kubeconfig` prints.
    pub(super) fn of_kind(text: &str, context: &str) -> Result<Self> {
        let printed: Value =
            serde_saphyr::from_str(text).context("what `kind get kubeconfig` printed cannot be read")?;
        let find = |list: List| {
            let items = printed.get(list.key()).and_then(Value::as_array).into_iter().flatten();
            let mut named = items.filter(|item| item.get("name").and_then(Value::as_str) == Some(context));
            let found = named.next().and_then(|item| item.get(list.part()));
            found.cloned().with_context(|| format!("`kind get kubeconfig` printed no {} named {context}", list.part()))
        };
        let (cluster, user, of_context) = (find(List::Clusters)?, find(List::Users)?, find(List::Contexts)?);
        Ok(Self { name: context.to_owned(), cluster, user, context: of_context })
    }

    /// The entry of a list, parsed.
    pub(super) fn value(&self, list: List) -> Value {
        let part = match list {
            List::Clusters => &self.cluster,
            List::Users => &self.user,
            List::Contexts => &self.context,
        };
        let pairs = [(list.part().to_owned(), part.clone()), ("name".to_owned(), Value::from(self.name.as_str()))];
        Value::Object(pairs.into_iter().collect())
    }

    /// The lines of the entry of a list, without indentation and dash.
    pub(super) fn item(&self, list: List) -> Vec<String> {
        let mut lines = Vec::new();
        if let Value::Object(map) = self.value(list) {
            write(&map, "", &mut lines);
        }
        lines
    }
}

fn write(map: &Map<String, Value>, indentation: &str, lines: &mut Vec<String>) {
    for (key, value) in map {
        let key = word(key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                lines.push(format!("{indentation}{key}:"));
                write(inner, &format!("{indentation}  "), lines);
            }
            Value::String(text) => lines.push(format!("{indentation}{key}: {}", word(text))),
            other => lines.push(format!("{indentation}{key}: {other}")),
        }
    }
}

/// A string as YAML: plain where nothing could take it for something else, else as JSON writes it.
pub(super) fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=+".contains(&byte);
    // YAML's own words, as `null` and `false`, have five letters at most.
    let is_a_word = text.len() > 5 && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let is_short_key = text == "name" || text == "user";
    if is_short_key || (is_a_word && !text.ends_with(':') && text.bytes().all(plain)) {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_KIND: &str = "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: QUJD\n    server: https://127.0.0.1:6443\n  \
                           name: kind-fgm-a\ncontexts:\n- context:\n    cluster: kind-fgm-a\n    user: kind-fgm-a\n  name: kind-fgm-a\n\
                           users:\n- name: kind-fgm-a\n  user:\n    client-key-data: 0123==\n";

    #[test]
    fn entries_are_written_as_kubectl_writes_them() {
        let entries = Entries::of_kind(OF_KIND, "kind-fgm-a").unwrap();
        let expected = [
            "cluster:",
            "  certificate-authority-data: \"QUJD\"",
            "  server: https://127.0.0.1:6443",
            "name: kind-fgm-a",
        ];
        assert_eq!(entries.item(List::Clusters), expected);
        assert_eq!(entries.item(List::Users), ["name: kind-fgm-a", "user:", "  client-key-data: \"0123==\""]);
    }

    #[test]
    fn a_context_that_was_not_printed_is_an_error() {
        let error = Entries::of_kind(OF_KIND, "kind-fgm-b").err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("`kind get kubeconfig` printed no cluster named kind-fgm-b"));
    }
}
