//! What an edit has to come to: texts are parsed, the change is made on what they mean, and the two are compared.
//!
//! It knows no lines. A list that is missing, `null` or empty is the same here, as it is for kubectl.

use anyhow::{Result, ensure};
use serde_json::{Map, Value};

use super::entries::Entries;
use super::sections::{CURRENT, LISTS, List};

/// The keys that a new file begins with.
pub(super) const HEAD: [(&str, &str); 2] = [("apiVersion", "v1"), ("kind", "Config")];

/// What a text means: all lists are there, perhaps empty.
pub(super) fn parsed(text: &str) -> Result<Map<String, Value>> {
    // A context may be called `no`.
    let options = serde_saphyr::options! { strict_booleans: true };
    let value = serde_saphyr::from_str_with_options::<Option<Value>>(text, options);
    let value = value.map_err(|error| anyhow::anyhow!("it is not YAML: {}", first_line(&error.to_string())))?;
    let mut map = match value {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map,
        Some(_) => anyhow::bail!("it is not a kubeconfig"),
    };
    for list in LISTS {
        let items = map.entry(list.key()).or_insert(Value::Null);
        if items.is_null() {
            *items = Value::Array(Vec::new());
        }
        ensure!(items.is_array(), "{} is not a list", list.key());
    }
    let current = map.entry(CURRENT).or_insert(Value::Null);
    if current.is_null() {
        *current = Value::from("");
    }
    for (key, value) in HEAD {
        map.entry(key).or_insert_with(|| Value::from(value));
    }
    Ok(map)
}

fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or("");
    line.strip_prefix("error: ").unwrap_or(line)
}

/// Whether a name is anywhere that this tool would take it out.
pub(super) fn mentions(meaning: &Map<String, Value>, name: &str) -> bool {
    let listed = LISTS.iter().any(|list| items(meaning, *list).iter().any(|item| is_named(item, name)));
    listed || is_current(meaning, name)
}

/// Whether a list's names, as the editor of texts saw them, are what the parser sees.
pub(super) fn same_names(meaning: &Map<String, Value>, list: List, seen: &[Option<String>]) -> Result<()> {
    let names = items(meaning, list).iter().map(|item| item.get("name").and_then(Value::as_str));
    let same = names.eq(seen.iter().map(Option::as_deref)) && seen.iter().all(Option::is_some);
    ensure!(same, "{} has a form that fgmctl does not edit", list.key());
    Ok(())
}

/// The meaning with entries, each in the place of the one of its name.
pub(super) fn with(mut meaning: Map<String, Value>, entries: &Entries) -> Map<String, Value> {
    for list in LISTS {
        let Some(Value::Array(items)) = meaning.get_mut(list.key()) else { continue };
        match items.iter_mut().find(|item| is_named(item, &entries.name)) {
            Some(item) => *item = entries.value(list),
            None => items.push(entries.value(list)),
        }
    }
    if is_current(&meaning, "") {
        meaning.insert(CURRENT.to_owned(), Value::from(entries.name.as_str()));
    }
    meaning
}

/// The meaning without what has a name.
pub(super) fn without(mut meaning: Map<String, Value>, name: &str) -> Map<String, Value> {
    for list in LISTS {
        if let Some(Value::Array(items)) = meaning.get_mut(list.key()) {
            items.retain(|item| !is_named(item, name));
        }
    }
    if is_current(&meaning, name) {
        meaning.insert(CURRENT.to_owned(), Value::from(""));
    }
    meaning
}

/// Whether a new text means what it should.
pub(super) fn agrees(wanted: &Map<String, Value>, new: &str) -> Result<()> {
    let meant = parsed(new).is_ok_and(|meaning| meaning == *wanted);
    ensure!(meant, "it has a form that fgmctl does not edit");
    Ok(())
}

fn items(meaning: &Map<String, Value>, list: List) -> &[Value] {
    meaning.get(list.key()).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_named(item: &Value, name: &str) -> bool {
    item.get("name").and_then(Value::as_str) == Some(name)
}

fn is_current(meaning: &Map<String, Value>, name: &str) -> bool {
    meaning.get(CURRENT).and_then(Value::as_str) == Some(name)
}
