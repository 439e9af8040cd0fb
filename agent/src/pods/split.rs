//! A stream of JSON cut into the pieces that are parsed: a list into its items, a watch into its lines.
//!
//! Pure: bytes in, pieces out, however they arrive. A list of thousands of pods is never in memory as a whole, whether or
//! not the server pages it. The surprise: nothing is validated here; a piece is whole where its brackets say so.

/// The largest piece: etcd keeps no object above 1.5 MiB by default.
pub const MAX_PIECE_BYTES: usize = 4 << 20;

/// The most of a list beside its items.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// A piece is larger than any that makes sense.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the answer has a piece larger than {0} bytes")]
pub struct TooLarge(usize);

/// Cuts a list into its items: the objects in an array that the outermost object holds.
#[derive(Debug, Default)]
pub struct ListSplitter {
    depth: usize,
    in_string: bool,
    escaped: bool,
    in_items: bool,
    item: Vec<u8>,
    head: Vec<u8>,
}

impl ListSplitter {
    /// Takes more of the stream; each item that is whole goes to `each`.
    ///
    /// # Errors
    /// When an item, or what is around the items, is too large.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), TooLarge> {
        for &byte in bytes {
            let in_item = self.in_items && self.depth > 2;
            let opens_item = self.in_items && self.depth == 2 && byte == b'{' && !self.in_string;
            let separates_items = self.in_items && self.depth == 2 && byte == b',' && !self.in_string;
            self.step(byte);
            if in_item || opens_item {
                append(&mut self.item, byte, MAX_PIECE_BYTES)?;
                if self.depth == 2 && !self.in_string {
                    each(&self.item);
                    self.item.clear();
                }
            } else if !separates_items {
                append(&mut self.head, byte, MAX_HEAD_BYTES)?;
            }
        }
        Ok(())
    }

    /// The list without its items.
    #[must_use]
    pub fn into_head(self) -> Vec<u8> {
        self.head
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == 2 {
                    self.in_items = byte == b'[';
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.in_items &= self.depth >= 2;
            }
            _ => {}
        }
    }
}

/// Cuts a stream into lines; empty ones are left out.
#[derive(Debug, Default)]
pub struct LineSplitter {
    line: Vec<u8>,
}

impl LineSplitter {
    /// Takes more of the stream; each line that is whole goes to `each`, until it fails.
    ///
    /// # Errors
    /// When a line is too large, or `each` fails.
    pub fn push<E: From<TooLarge>>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.line.len() + part.len() > MAX_PIECE_BYTES {
                return Err(TooLarge(MAX_PIECE_BYTES).into());
            }
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = self.line.trim_ascii();
                if !line.is_empty() {
                    each(line)?;
                }
                self.line.clear();
            }
        }
        Ok(())
    }
}

impl LineSplitter {
    /// What has come after the last line's end.
    #[must_use]
    pub fn into_rest(self) -> Vec<u8> {
        self.line.trim_ascii().to_owned()
    }
}

fn append(to: &mut Vec<u8>, byte: u8, most: usize) -> Result<(), TooLarge> {
    if to.len() >= most {
        return Err(TooLarge(most));
    }
    to.push(byte);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &[u8], at_once: usize) -> (Vec<String>, String) {
        let (mut splitter, mut items) = (ListSplitter::default(), Vec::new());
        for part in text.chunks(at_once) {
            splitter.push(part, |item| items.push(String::from_utf8_lossy(item).into_owned())).unwrap();
        }
        (items, String::from_utf8_lossy(&splitter.into_head()).into_owned())
    }

    const LIST: &str =
        r#"{"kind":"PodList","metadata":{"continue":"a,b"},"items":[ {"a":[1,{"b":"}]\""}]} , {"c":{}} ],"x":[]}"#;

    #[test]
    fn a_list_is_cut_into_its_items_however_it_arrives() {
        for at_once in [1, 2, 7, 1000] {
            let (items, head) = split(LIST.as_bytes(), at_once);
            assert_eq!(items, [r#"{"a":[1,{"b":"}]\""}]}"#, r#"{"c":{}}"#]);
            let head: serde_json::Value = serde_json::from_str(&head).unwrap();
            assert_eq!(head["metadata"]["continue"], "a,b");
            assert_eq!(head["items"], serde_json::json!([]));
        }
    }

    #[test]
    fn an_item_or_a_head_without_end_is_refused() {
        let mut splitter = ListSplitter::default();
        splitter.push(b"{\"items\":[{\"a\":\"", |_| ()).unwrap();
        let much = vec![b'x'; MAX_PIECE_BYTES];
        assert_eq!(splitter.push(&much, |_| ()), Err(TooLarge(MAX_PIECE_BYTES)));
        assert_eq!(ListSplitter::default().push(&much, |_| ()), Err(TooLarge(MAX_HEAD_BYTES)));
        let mut lines = LineSplitter::default();
        let sink = |_: &[u8]| Ok::<(), TooLarge>(());
        lines.push(b"x", sink).unwrap();
        assert_eq!(lines.push(&much, sink), Err(TooLarge(MAX_PIECE_BYTES)));
    }

    #[test]
    fn lines_are_whole_and_empty_ones_are_left_out() {
        let (mut lines, mut seen) = (LineSplitter::default(), Vec::new());
        for part in b"one\r\n\n tw,o\nthr".chunks(3) {
            let each = |line: &[u8]| {
                seen.push(String::from_utf8_lossy(line).into_owned());
                Ok::<(), TooLarge>(())
            };
            lines.push(part, each).unwrap();
        }
        assert_eq!(seen, ["one", "tw,o"]);
        assert_eq!(lines.into_rest(), b"thr");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at_once in 1usize..20) {
            let _ = split(&bytes, at_once);
        }

        #[test]
        fn any_items_come_out_as_they_went_in(texts in proptest::collection::vec(".*", 0..8), at_once in 1usize..30) {
            let items: Vec<String> = texts.iter().map(|text| serde_json::json!({ text: [text, {}] }).to_string()).collect();
            let list = format!("{{\"items\":[{}]}}", items.join(","));
            prop_assert_eq!(split(list.as_bytes(), at_once), (items, "{\"items\":[]}".to_owned()));
        }
    }
}
