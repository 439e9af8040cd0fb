//! What a worktree is called in directories, images and clusters: the rule of `docs/worktrees.md`, whose test vectors this and
//! `fgmctl` both follow. It only computes.

/// The longest name: with what clusters put before and after it, it is a host name of at most 63 characters.
const MAX_LENGTH: usize = 40;
/// What a changed name keeps of the old one, before `-` and eight digits of hash.
const MAX_KEPT: usize = 31;
/// What a name begins with where nothing of the old one can be kept.
const NAMELESS: &str = "w";

/// The name that follows from the base name of a worktree's directory.
#[must_use]
pub fn name_of(base: &str) -> String {
    if is_plain(base) {
        return base.to_owned();
    }
    let kept = kept(base);
    // A changed name says what it was changed from, so that two which look alike once changed stay apart.
    format!("{}-{:08x}", if kept.is_empty() { NAMELESS } else { &kept }, fnv1a(base) & u64::from(u32::MAX))
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(plain) && name.bytes().last().is_some_and(plain);
    ends && name.len() <= MAX_LENGTH && name.bytes().all(|byte| plain(byte) || byte == b'-')
}

fn kept(base: &str) -> String {
    let mut text = String::new();
    for letter in base.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            text.push(letter);
        } else if !text.ends_with('-') {
            text.push('-');
        }
    }
    let cut: String = text.trim_matches('-').chars().take(MAX_KEPT).collect();
    cut.trim_matches('-').to_owned()
}

/// FNV-1a of 64 bits, because a document can tell it in a line.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_are_those_of_the_documented_vectors() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../docs/worktree-names.json")).unwrap();
        let names = vectors["names"].as_array().unwrap();
        assert!(names.len() > 10);
        for vector in names {
            assert_eq!(name_of(vector["base"].as_str().unwrap()), vector["name"].as_str().unwrap());
        }
    }
}
