//! An answer as compact JSON text that fits: entries go from the end until it does, and a sentence says so.
//!
//! Pure. Values that are null or empty are left out. The surprise: where `limit` is given the answer may be four times as long,
//! because then it is what was asked for.

use serde_json::{Map, Value, json};

/// The most bytes of an answer.
pub(super) const MOST_BYTES: usize = 16 << 10;
/// The most where no number of entries was asked for.
pub(super) const USUAL_BYTES: usize = 4 << 10;
/// Characters of a text in an answer.
const MOST_CHARS: usize = 400;
/// Notes of an answer.
const MOST_NOTES: usize = 4;

/// An answer before it is cut.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What stands beside the entries.
    pub(super) head: Map<String, Value>,
    /// What the entries are called: `findings`.
    pub(super) what: &'static str,
    /// The most important first.
    pub(super) entries: Vec<Value>,
    /// How many there are, where that is more than there are entries.
    pub(super) total: usize,
    /// In what order they come, and how to ask for less, as the end of a sentence.
    pub(super) less: &'static str,
    /// What is not as one may expect.
    pub(super) notes: Vec<String>,
}

impl Answer {
    /// The text: with at most so many entries, where that was asked for, else with as many as usual.
    pub(super) fn text(mut self, limit: Option<usize>, usual: usize) -> String {
        let total = self.total.max(self.entries.len());
        let bytes = if limit.is_some() { MOST_BYTES } else { USUAL_BYTES };
        self.notes.dedup();
        let unsaid = self.notes.len().saturating_sub(MOST_NOTES);
        self.notes.truncate(MOST_NOTES);
        self.notes.extend((unsaid > 0).then(|| format!("and {unsaid} more notes")));
        self.entries.truncate(limit.unwrap_or(usual));
        self.entries.iter_mut().for_each(tidy);
        let mut head = Value::Object(self.head);
        tidy(&mut head);
        let mut whole = match head {
            Value::Object(head) => head,
            _ => Map::new(),
        };
        if !self.notes.is_empty() {
            let mut notes = json!(self.notes);
            tidy(&mut notes);
            whole.insert("notes".to_owned(), notes);
        }
        let text = |whole: &Map<String, Value>| Value::Object(whole.clone()).to_string();
        // Room for the list's name and for the sentence, whether or not it comes to be said.
        let sentences = self.what.len() + self.less.len() + 120;
        while text(&whole).len() + sentences > bytes {
            let longest = whole.iter().max_by_key(|(_, value)| value.to_string().len());
            let Some(longest) = longest.map(|(name, _)| name.clone()) else { break };
            whole.remove(&longest);
        }
        let rest = text(&whole).len() + sentences;
        let mut room = bytes.saturating_sub(rest);
        let shown = self.entries.iter().take_while(|entry| {
            let long = entry.to_string().len() + 1;
            let fits = long <= room;
            room = room.saturating_sub(long);
            fits
        });
        let shown: Vec<Value> = shown.cloned().collect();
        if !self.what.is_empty() {
            if shown.len() < total {
                let sentence = format!("{} of {total} {} are shown, {}", shown.len(), self.what, self.less);
                whole.insert("left_out".to_owned(), json!(sentence));
            }
            whole.insert(self.what.to_owned(), Value::Array(shown));
        }
        text(&whole)
    }
}

/// Drops what says nothing, and cuts what says too much.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(tidy);
            fields.retain(|_, value| !says_nothing(value));
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        Value::String(text) => clip(text, MOST_CHARS),
        _ => {}
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Cuts a text to so many characters; links are never cut in the middle of a word that matters, because they are shorter.
pub(super) fn clip(text: &mut String, most: usize) {
    if text.starts_with("/#") || text.starts_with("http://") {
        return;
    }
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(entries: usize, long: usize) -> Answer {
        Answer {
            what: "findings",
            entries: (0..entries).map(|n| json!({ "n": n, "text": "x".repeat(long), "none": null })).collect(),
            less: "the worst first: ask for a shorter range for less",
            ..Answer::default()
        }
    }

    #[test]
    fn an_answer_never_grows_beyond_its_bound() {
        for entries in [0, 1, 10, 100, 5000] {
            for long in [0, 10, 300, 100_000] {
                assert!(answer(entries, long).text(None, 20).len() <= USUAL_BYTES, "{entries} {long}");
                assert!(answer(entries, long).text(Some(100), 20).len() <= MOST_BYTES, "{entries} {long}");
            }
        }
        let notes = (0..1000).map(|n| format!("{n}{}", "y".repeat(9000))).collect();
        let head = (0..9).map(|n| (n.to_string(), json!(vec!["z".repeat(90); 100]))).collect();
        assert!(Answer { head, ..answer(9, 300) }.text(None, 20).len() <= USUAL_BYTES);
        assert!(Answer { notes, ..answer(1000, 300) }.text(None, 20).len() <= USUAL_BYTES);
    }

    #[test]
    fn what_is_left_out_is_said() {
        let text = answer(30, 10).text(Some(2), 20);
        let sentence = "2 of 30 findings are shown, the worst first: ask for a shorter range for less";
        assert!(text.contains(sentence), "{text}");
        let all = answer(2, 10).text(None, 20);
        assert!(!all.contains("left_out") && !all.contains("none"), "{all}");
    }
}
