//! What a worktree is called, and the numbers that follow from its name. The rule and its test vectors:
//! `docs/worktrees.md`, `docs/worktree-names.json`; `agent/src/worktree.rs` follows the same ones.
//!
//! It only computes. The one surprise: a name that had to be changed carries a hash of what it was, so that two worktrees
//! whose names look alike once changed stay apart.

use std::ops::RangeInclusive;

/// The longest name: `fgm-NAME-control-plane` is a host name, and those have at most 63 characters.
const MAX_LENGTH: usize = 40;
/// What a changed name keeps of the old one, before `-` and eight digits of hash.
const MAX_KEPT: usize = 31;
/// What the name of a second worktree of the same base name keeps, before `-` and four digits of its path's hash.
const MAX_KEPT_BESIDE: usize = 35;
/// What a name begins with where nothing of the old one can be kept.
const NAMELESS: &str = "w";

/// The ports that API servers of clusters get unless another is asked for: those that a VM's forwarding rules name.
pub(crate) const API_PORTS: RangeInclusive<u16> = 6443..=6447;
/// The first of the ports on which viewers are reached; each worktree has a block of them.
const FIRST_VIEWER_PORT: u16 = 20_000;
const PORT_BLOCKS: u64 = 1_000;
/// Ports in the block of one worktree.
pub(crate) const PORTS_IN_BLOCK: u16 = 10;

/// The name that follows from the base name of a worktree's directory.
pub(crate) fn of_base(base: &str) -> String {
    if is_plain(base) {
        return base.to_owned();
    }
    let kept = kept(base, MAX_KEPT);
    format!("{}-{:08x}", if kept.is_empty() { NAMELESS } else { &kept }, low_bits(base))
}

/// The name of a worktree whose base name another one has already, with the path of the later one.
pub(crate) fn beside_another(base: &str, owner: &str) -> String {
    let name = of_base(base);
    let kept: String = name.chars().take(MAX_KEPT_BESIDE).collect();
    let digits = format!("{:08x}", low_bits(owner));
    format!("{}-{}", kept.trim_matches('-'), digits.get(..4).unwrap_or(&digits))
}

/// The API port that a name prefers.
pub(crate) fn api_port(name: &str) -> u16 {
    let ports = u64::from(API_PORTS.end() - API_PORTS.start()) + 1;
    API_PORTS.start() + u16::try_from(hash(name) % ports).unwrap_or(0)
}

/// The first of the block of ports that a name prefers for its viewers.
pub(crate) fn ports_from(name: &str) -> u16 {
    FIRST_VIEWER_PORT + PORTS_IN_BLOCK * u16::try_from(hash(name) % PORT_BLOCKS).unwrap_or(0)
}

/// Lower-case letters, digits and single or double dashes between them: what clusters, images and directories all take.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(plain) && name.bytes().last().is_some_and(plain);
    ends && name.len() <= MAX_LENGTH && name.bytes().all(|byte| plain(byte) || byte == b'-')
}

fn kept(base: &str, most: usize) -> String {
    let mut text = String::new();
    for letter in base.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            text.push(letter);
        } else if !text.ends_with('-') {
            text.push('-');
        }
    }
    let cut: String = text.trim_matches('-').chars().take(most).collect();
    cut.trim_matches('-').to_owned()
}

fn low_bits(text: &str) -> u32 {
    (hash(text) & u64::from(u32::MAX)) as u32
}

/// FNV-1a of 64 bits: short enough to be written down in a document, and the same on every machine.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../docs/worktree-names.json")).unwrap()
    }

    #[test]
    fn names_and_ports_are_those_of_the_documented_vectors() {
        for vector in vectors()["names"].as_array().unwrap() {
            let name = of_base(vector["base"].as_str().unwrap());
            assert_eq!(name, vector["name"].as_str().unwrap());
            assert_eq!(u64::from(api_port(&name)), vector["api_port"].as_u64().unwrap(), "{name}");
            assert_eq!(u64::from(ports_from(&name)), vector["ports_from"].as_u64().unwrap(), "{name}");
        }
        for vector in vectors()["second_of_its_base"].as_array().unwrap() {
            let name = beside_another(vector["base"].as_str().unwrap(), vector["owner"].as_str().unwrap());
            assert_eq!(name, vector["name"].as_str().unwrap());
        }
    }

    #[test]
    fn every_name_is_plain_and_names_stay_apart() {
        let bases = ["", " ", "A", "a", "a ", " a", "a_", "a.", "a-", "É", "é", "x\ny", "日本", "日本語"];
        let long = ["x".repeat(100), "x".repeat(101), "X".repeat(100), "é".repeat(100)];
        let names: Vec<String> = bases.iter().copied().chain(long.iter().map(String::as_str)).map(of_base).collect();
        assert!(names.iter().all(|name| is_plain(name)), "{names:?}");
        let apart: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(apart.len(), names.len(), "{names:?}");
        assert!(long.iter().all(|base| is_plain(&beside_another(base, "/some/where"))));
    }
}
