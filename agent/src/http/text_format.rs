//! OpenMetrics text in, the older Prometheus text format 0.0.4 out, line by line.
//!
//! A `fmt::Write` that holds one line at a time, so a large exposition is in memory once. What differs: the older format
//! names a counter's family with its `_total` and an info's with its `_info`; knows no `info`, `unknown`, `# UNIT`,
//! `# EOF`, exemplars or `_created` samples; and escapes no quotes in help. Timestamps (seconds here, milliseconds there)
//! are left out. A line that is not understood is left out too: Prometheus refuses a whole scrape for one bad line.

use std::fmt;

/// Writes what it is given to `out`, converted; an unfinished last line is not written.
#[derive(Debug)]
pub(super) struct OlderFormat<'a> {
    out: &'a mut String,
    line: String,
    help: Option<(String, String)>,
    family: String,
}

impl fmt::Write for OlderFormat<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once('\n') {
            self.line.push_str(head);
            let mut line = std::mem::take(&mut self.line);
            self.convert(&line);
            // The line's allocation is used again.
            line.clear();
            self.line = line;
            rest = tail;
        }
        self.line.push_str(rest);
        Ok(())
    }
}

impl<'a> OlderFormat<'a> {
    pub(super) fn new(out: &'a mut String) -> Self {
        Self { out, line: String::new(), help: None, family: String::new() }
    }

    fn convert(&mut self, line: &str) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            self.help = help.split_once(' ').map(|(name, text)| (name.to_owned(), text.replace("\\\"", "\"")));
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            self.begin_family(name, kind);
        } else if !line.starts_with('#') {
            self.sample(line);
        }
    }

    fn begin_family(&mut self, name: &str, kind: &str) {
        name.clone_into(&mut self.family);
        let (suffix, older_kind) = match kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            "gauge" | "histogram" | "summary" => ("", kind),
            "stateset" => ("", "gauge"),
            _ => ("", "untyped"),
        };
        if let Some((_, text)) = self.help.take().filter(|(helped, _)| helped == name) {
            self.push(&["# HELP ", name, suffix, " ", &text]);
        }
        self.push(&["# TYPE ", name, suffix, " ", older_kind]);
    }

    fn sample(&mut self, line: &str) {
        let Some((series, rest)) = series(line) else { return };
        let created = series.split('{').next().and_then(|name| name.strip_suffix("_created"));
        let value = rest.split(' ').find(|token| !token.is_empty());
        if let (None, Some(value)) = (created.filter(|stem| *stem == self.family), value)
            && value.parse::<f64>().is_ok()
        {
            self.push(&[series, " ", value]);
        }
    }

    fn push(&mut self, parts: &[&str]) {
        self.out.extend(parts.iter().copied());
        self.out.push('\n');
    }
}

/// Splits a sample into its name with labels, and what follows.
fn series(line: &str) -> Option<(&str, &str)> {
    let name_end = line.find(['{', ' '])?;
    let end = if line[name_end..].starts_with('{') { name_end + labels_end(&line[name_end..])? } else { name_end };
    let (series, rest) = line.split_at(end);
    (name_end > 0).then_some((series, rest.strip_prefix(' ')?))
}

/// The length of a label set with both braces; braces inside quotes do not count.
fn labels_end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(index + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn older(text: &str) -> String {
        let mut out = String::new();
        OlderFormat::new(&mut out).write_str(text).unwrap();
        out
    }

    #[test]
    fn counters_and_infos_get_their_suffix_and_the_rest_its_kind() {
        let text = "# HELP a Things\n# TYPE a counter\na_total{x=\"1\"} 5\n# HELP b Built\n# TYPE b info\nb_info{v=\"1\"} 1\n\
                    # HELP c Who knows\n# TYPE c unknown\nc 2.5\n# TYPE d_bytes gauge\n# UNIT d_bytes bytes\nd_bytes 1\n# EOF\n";
        assert_eq!(
            older(text),
            "# HELP a_total Things\n# TYPE a_total counter\na_total{x=\"1\"} 5\n# HELP b_info Built\n# TYPE b_info gauge\n\
             b_info{v=\"1\"} 1\n# HELP c Who knows\n# TYPE c untyped\nc 2.5\n# TYPE d_bytes gauge\nd_bytes 1\n"
        );
    }

    #[test]
    fn histograms_stay_and_lose_exemplars_created_and_timestamps() {
        let text = "# TYPE h histogram\nh_bucket{le=\"0.5\"} 3 # {trace=\"} 9\"} 0.3 1.5\nh_bucket{le=\"+Inf\"} 4\nh_count 4 17.5\n\
                    h_sum 2\nh_created 99\n";
        assert_eq!(
            older(text),
            "# TYPE h histogram\nh_bucket{le=\"0.5\"} 3\nh_bucket{le=\"+Inf\"} 4\nh_count 4\nh_sum 2\n"
        );
    }

    #[test]
    fn label_values_stay_as_they_are_escaped() {
        let line = "a{x=\"} # {\\\"\\\\\",y=\"\\n\"} 1\n";
        assert_eq!(older(line), line);
    }

    #[test]
    fn quotes_in_help_lose_their_escape() {
        assert_eq!(older("# HELP a Say \\\"hi\\\"\n# TYPE a gauge\n"), "# HELP a Say \"hi\"\n# TYPE a gauge\n");
    }

    #[test]
    fn lines_that_are_not_understood_are_left_out() {
        for line in ["\n", "a\n", "a{x=\"1\" 5\n", "a{x=\"1\"}\n", "a many\n", "{} 1\n", " 1\n", "# HELP a\n", "a 1"] {
            assert_eq!(older(line), "", "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_pieces_give_the_whole(text in "(# (HELP|TYPE|EOF) )?[a-z{}\"\\\\ =#\n0-9]{0,80}", at in 0_usize..80) {
            let whole = older(&text);
            let at = text.floor_char_boundary(at.min(text.len()));
            let mut out = String::new();
            let mut writer = OlderFormat::new(&mut out);
            writer.write_str(&text[..at]).unwrap();
            writer.write_str(&text[at..]).unwrap();
            prop_assert_eq!(out, whole);
        }
    }
}
