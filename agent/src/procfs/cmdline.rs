//! What a process calls itself: names and command lines, made fit to print.
//!
//! A name is any bytes but NUL: quotes, newlines, escape sequences, half a character. Here they become text without control
//! characters, from which the bytes can still be told: `\n`, `\x1b`, and a doubled backslash.

use std::fmt::Write as _;

/// The most bytes of a command line that are kept; the rest is replaced by `...`.
pub const MAX_COMMAND_BYTES: usize = 1024;

/// The text with everything that is not printable escaped.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| escape(&mut text, character));
        chunk.invalid().iter().for_each(|byte| escaped_byte(&mut text, *byte));
    }
    text
}

fn escape(text: &mut String, character: char) {
    match character {
        '\n' => text.push_str("\\n"),
        '\t' => text.push_str("\\t"),
        '\r' => text.push_str("\\r"),
        '\\' => text.push_str("\\\\"),
        // What turns the direction of writing around hides what stands behind it.
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{80}'..='\u{9f}' => {
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes).bytes().for_each(|byte| escaped_byte(text, byte));
        }
        control if control.is_control() => escaped_byte(text, u8::try_from(control).unwrap_or(b'?')),
        plain => text.push(plain),
    }
}

fn escaped_byte(text: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\\x{byte:02x}");
}

/// The command line in `/proc/[pid]/cmdline`: arguments ended by NUL, here separated by spaces; `None` where it is empty
/// (a kernel thread, a zombie). `has_more` says that the file goes on behind these bytes.
#[must_use]
pub fn command_line(bytes: &[u8], has_more: bool) -> Option<String> {
    let end = bytes.iter().rposition(|&byte| byte != 0)? + 1;
    let kept = &bytes[..end.min(MAX_COMMAND_BYTES)];
    let mut text = String::with_capacity(kept.len() + 3);
    for (index, argument) in kept.split(|&byte| byte == 0).enumerate() {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(&printable(argument));
    }
    if end > MAX_COMMAND_BYTES || has_more {
        text.push_str("...");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_can_be_printed() {
        for (bytes, text) in [
            (b"nginx: worker \"x\"".as_slice(), "nginx: worker \"x\""),
            ("gr\u{fc}n".as_bytes(), "gr\u{fc}n"),
            (b"a\nb\tc\x1b[31m\x00", "a\\nb\\tc\\x1b[31m\\x00"),
            (b"half \xc3", "half \\xc3"),
            (b"back\\slash", "back\\\\slash"),
            ("turned \u{202e}gpj".as_bytes(), "turned \\xe2\\x80\\xaegpj"),
        ] {
            assert_eq!(printable(bytes), text);
        }
    }

    #[test]
    fn arguments_are_separated_by_spaces() {
        assert_eq!(command_line(b"sleep\x00inf\x00", false).as_deref(), Some("sleep inf"));
        assert_eq!(command_line(b"sh\0-c\0a\nb\0\0\0", false).as_deref(), Some("sh -c a\\nb"));
        assert_eq!((command_line(b"", false), command_line(b"\0\0", false)), (None, None));
    }

    #[test]
    fn a_long_command_line_is_cut_and_says_so() {
        let line = command_line(&[b'x'; 5000], false).expect("a line");
        assert_eq!((line.len(), line.ends_with("x...")), (MAX_COMMAND_BYTES + 3, true));
        assert_eq!(command_line(b"abc", true).as_deref(), Some("abc..."));
    }
}
