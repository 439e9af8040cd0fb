//! A text as lines that keep their ends, so that what is not touched comes out as it went in.
//!
//! The one surprise: a last line without an end stays one. What is put behind it ends its line and has no end itself; when
//! that is taken away, the line before is the last one again.

use std::ops::Range;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    /// `\n`, `\r\n`, or nothing at the end of the text.
    end: &'static str,
}

/// All lines of a text.
pub(super) struct Lines {
    lines: Vec<Line>,
    /// How lines end here.
    usual_end: &'static str,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let line = |line: &str| match (line.strip_suffix("\r\n"), line.strip_suffix('\n')) {
            (Some(text), _) => Line { text: text.to_owned(), end: "\r\n" },
            (None, Some(text)) => Line { text: text.to_owned(), end: "\n" },
            (None, None) => Line { text: line.to_owned(), end: "" },
        };
        let lines: Vec<Line> = text.split_inclusive('\n').map(line).collect();
        let usual_end = lines.first().map(|line| line.end).filter(|end| !end.is_empty()).unwrap_or("\n");
        Self { lines, usual_end }
    }

    pub(super) fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text.as_str(), line.end]).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// A line without its end; an empty one behind the last.
    pub(super) fn get(&self, at: usize) -> &str {
        self.lines.get(at).map_or("", |line| &line.text)
    }

    /// Puts another text where a line was.
    pub(super) fn set(&mut self, at: usize, text: String) {
        if let Some(line) = self.lines.get_mut(at) {
            line.text = text;
        }
    }

    /// Puts lines before the one at a place.
    pub(super) fn insert(&mut self, at: usize, texts: Vec<String>) {
        let mut new: Vec<Line> = texts.into_iter().map(|text| Line { text, end: self.usual_end }).collect();
        if at == self.lines.len()
            && let Some(last) = self.lines.last_mut().filter(|line| line.end.is_empty())
            && let Some(newest) = new.last_mut()
        {
            last.end = self.usual_end;
            newest.end = "";
        }
        self.lines.splice(at..at, new);
    }

    /// Takes lines away.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let had_no_end = self.lines.get(range.clone()).and_then(<[Line]>::last).is_some_and(|line| line.end.is_empty());
        let start = range.start;
        self.lines.drain(range);
        if had_no_end && let Some(before) = start.checked_sub(1).and_then(|at| self.lines.get_mut(at)) {
            before.end = "";
        }
    }

    /// Puts lines where others were.
    pub(super) fn replace(&mut self, range: Range<usize>, texts: Vec<String>) {
        let end = self.lines.get(range.clone()).and_then(<[Line]>::last).map_or(self.usual_end, |line| line.end);
        let mut new: Vec<Line> = texts.into_iter().map(|text| Line { text, end: self.usual_end }).collect();
        if let Some(last) = new.last_mut() {
            last.end = end;
        }
        self.lines.splice(range, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_out_as_it_went_in() {
        for text in ["", "\n", "a", "a\r\nb", "a\n\r\n\nb\n", "\r", "a\rb\n"] {
            assert_eq!(Lines::of(text).text(), text);
        }
    }

    #[test]
    fn a_last_line_without_an_end_stays_one() {
        let mut lines = Lines::of("a\r\nb");
        lines.insert(2, vec!["c".into(), "d".into()]);
        assert_eq!(lines.text(), "a\r\nb\r\nc\r\nd");
        lines.replace(2..4, vec!["e".into()]);
        assert_eq!(lines.text(), "a\r\nb\r\ne");
        lines.remove(2..3);
        assert_eq!(lines.text(), "a\r\nb");
    }
}
