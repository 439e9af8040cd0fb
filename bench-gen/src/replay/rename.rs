//! Other ids for the same containers and pods.
//!
//! An id's new form depends on the seed and the id alone, so it is the same wherever the id stands: in a path, in a message, in
//! another table, and nothing has to be remembered. Names stay. What an id is: 64 or 32 hexadecimal digits, or a uid with dashes
//! or underscores.

use std::sync::Arc;

use fgm_agent::model::{Identity, UnixMicros};
use fgm_agent::subject::{Device, Event, Interface, Owner, Process, Subject};

use crate::rng::Rng;

/// The digits of the groups of a uid.
const UID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// The digits of a container's id, and of a static pod's uid.
const ID_DIGITS: [usize; 2] = [64, 32];

/// What stands before a pod's uid in a path.
const POD: &str = "pod";

/// Gives ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renamer {
    seed: u64,
}

impl Renamer {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The subject with other ids, and an event at its new time.
    pub(super) fn subject(&self, subject: &Subject, shift: UnixMicros) -> Subject {
        let renamed = match subject {
            Subject::Container(identity) => return Subject::Container(Arc::new(self.identity(identity))),
            Subject::Pod(identity) => return Subject::Pod(Arc::new(self.identity(identity))),
            Subject::Node => return Subject::Node,
            Subject::Process(one) => {
                Subject::Process(Arc::new(Process { cmdline: self.option(&one.cmdline), ..Process::clone(one) }))
            }
            Subject::Interface(one) => Subject::Interface(Arc::new(Interface::clone(one))),
            Subject::IoDevice(one) => Subject::IoDevice(Arc::new(Device::clone(one))),
            Subject::Disk(one) => Subject::Disk(Arc::new(Device::clone(one))),
            Subject::Event(one) => {
                let (time, message) = (one.time + shift, self.text(&one.message));
                Subject::Event(Arc::new(Event { time, message, ..Event::clone(one) }))
            }
        };
        let owner = renamed.owner().map(|owner| self.owner(owner));
        owner.map_or_else(|| renamed.clone(), |owner| renamed.owned_by(owner))
    }

    fn identity(&self, identity: &Identity) -> Identity {
        Identity {
            container_id: self.text(&identity.container_id),
            path: self.text(&identity.path),
            parent_id: self.option(&identity.parent_id),
            pod_uid: self.option(&identity.pod_uid),
            ..identity.clone()
        }
    }

    fn owner(&self, owner: &Owner) -> Owner {
        let (container_id, pod_uid) = (self.option(&owner.container_id), self.option(&owner.pod_uid));
        Owner { container_id, pod_uid, ..owner.clone() }
    }

    fn option(&self, text: &Option<String>) -> Option<String> {
        text.as_deref().map(|text| self.text(text))
    }

    /// A text with other ids in it.
    pub(super) fn text(&self, text: &str) -> String {
        let mut renamed = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            // Its last letter is a digit, too, but no part of the uid that follows it.
            if let Some(after) = rest.strip_prefix(POD) {
                renamed.push_str(POD);
                rest = after;
            }
            let digits = rest.bytes().take_while(|byte| is_hex(*byte)).count();
            let known = [uid(rest).map(|_| 36), ID_DIGITS.contains(&digits).then_some(digits)];
            if let Some(length) = known.into_iter().flatten().next() {
                let (id, after) = rest.split_at(length);
                renamed.push_str(&self.id(id));
                rest = after;
                continue;
            }
            // A longer run of digits is no id, nor is a part of it.
            let length = digits.max(rest.chars().next().map_or(0, char::len_utf8));
            let (same, after) = rest.split_at(length);
            renamed.push_str(same);
            rest = after;
        }
        renamed
    }

    fn id(&self, id: &str) -> String {
        // The same uid has dashes in a text and underscores in a path.
        let mut rng = Rng::new(self.seed, &id.replace('_', "-"));
        id.chars().map(|one| if one.is_ascii_hexdigit() { digit(&mut rng) } else { one }).collect()
    }
}

fn digit(rng: &mut Rng) -> char {
    char::from_digit(rng.below(16) as u32, 16).unwrap_or('0')
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Whether a text begins with a uid.
fn uid(text: &str) -> Option<()> {
    let mut rest = text.as_bytes();
    for (index, &length) in UID_GROUPS.iter().enumerate() {
        let (group, after) = rest.split_at_checked(length)?;
        if !group.iter().all(|byte| is_hex(*byte)) {
            return None;
        }
        rest = after;
        if index + 1 < UID_GROUPS.len() {
            rest = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b"_"))?;
        }
    }
    (!rest.first().is_some_and(|byte| is_hex(*byte))).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_others_the_same_everywhere_and_the_rest_stays() {
        let renamer = Renamer::new(5);
        let id = "a".repeat(64);
        let uid = "0b1c2d3e-1111-4222-8333-444455556666";
        let path = format!("/kubepods-pod{}.slice/cri-containerd-{id}.scope", uid.replace('-', "_"));
        let renamed = renamer.text(&path);
        let (new_id, new_uid) = (renamer.text(&id), renamer.text(uid));
        assert_ne!((&new_id, new_uid.as_str()), (&id, uid));
        let expected = format!("/kubepods-pod{}.slice/cri-containerd-{new_id}.scope", new_uid.replace('-', "_"));
        assert_eq!(renamed, expected);
        for same in ["", "dead beef", "ümlaut", "web-7d8f9c6b5-abcde", "pod", &"b".repeat(65)] {
            assert_eq!(renamer.text(same), same);
        }
    }
}
