//! An identity in little memory: its id in 32 bytes, and shared parts.
//!
//! Most of what is known of a container is the same for its whole workload, or for its pod; three months of a node's
//! containers are kept, so each such part is kept once. No I/O. The surprise: a path holds the ids of its container and its
//! pod, so what is shared of it is the rest, with marks in their places.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::pool::Pool;
use crate::model::Identity;

/// The marks of a container's id, of its pod's uid, and of that with underscores for dashes (the systemd driver's).
const MARKS: [char; 3] = ['\u{1}', '\u{2}', '\u{3}'];

/// A container's id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Id {
    /// The 64 hexadecimal digits that runtimes use.
    Digest([u8; 32]),
    /// Anything else.
    Text(Box<str>),
}

impl Id {
    pub(super) fn of(text: &str) -> Self {
        digest(text).map_or_else(|| Self::Text(text.into()), Self::Digest)
    }

    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Digest(bytes) => {
                let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
                Cow::Owned(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
            }
        }
    }
}

/// In the order of the texts.
impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Digest(this), Self::Digest(other)) => this.cmp(other),
            _ => self.text().cmp(&other.text()),
        }
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// What the containers of a pod have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OfPod {
    uid: Option<Box<str>>,
    name: Option<Box<str>>,
    /// As JSON: a map takes half a kilobyte.
    labels: Option<Arc<str>>,
}

/// What many containers have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OfMany {
    /// Without what is a container's or a pod's own.
    identity: Identity,
    /// Whether the path has marks in it.
    marked: bool,
}

/// An identity.
#[derive(Clone, Debug)]
pub(super) struct Compact {
    pub(super) id: Id,
    pod: Arc<OfPod>,
    rest: Arc<OfMany>,
    restart_count: Option<u32>,
}

/// Of the same pools, equal parts are the same part.
impl PartialEq for Compact {
    fn eq(&self, other: &Self) -> bool {
        let own = |of: &Self| (Arc::as_ptr(&of.pod), Arc::as_ptr(&of.rest), of.restart_count);
        self.id == other.id && own(self) == own(other)
    }
}

impl Compact {
    /// The uid of its pod.
    pub(super) fn pod_uid(&self) -> Option<&str> {
        self.pod.uid.as_deref()
    }

    /// The identity that it was made of.
    pub(super) fn identity(&self) -> Identity {
        let OfMany { identity, marked } = &*self.rest;
        let (id, uid) = (self.id.text(), self.pod_uid().unwrap_or_default());
        let labels = self.pod.labels.as_deref().and_then(|labels| serde_json::from_str(labels).ok());
        Identity {
            path: if *marked { unmarked(&identity.path, &id, uid) } else { identity.path.clone() },
            container_id: id.into_owned(),
            pod_uid: self.pod.uid.as_deref().map(str::to_owned),
            pod: self.pod.name.as_deref().map(str::to_owned),
            labels: labels.unwrap_or_default(),
            restart_count: self.restart_count,
            ..identity.clone()
        }
    }
}

/// The parts of many identities.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pods: Pool<OfPod>,
    labels: Pool<str>,
    rest: Pool<OfMany>,
}

impl Parts {
    /// An identity in little memory.
    pub(super) fn compact(&mut self, identity: &Identity) -> Compact {
        // Texts always serialize.
        let labels = (!identity.labels.is_empty()).then(|| serde_json::to_string(&identity.labels).unwrap_or_default());
        let pod = OfPod {
            uid: identity.pod_uid.as_deref().map(Box::from),
            name: identity.pod.as_deref().map(Box::from),
            labels: labels.map(|labels| self.labels.share(&*labels)),
        };
        let (id, uid) = (&identity.container_id, identity.pod_uid.as_deref().unwrap_or_default());
        let path = marked(&identity.path, id, uid);
        let marked = path.is_some();
        let path = path.unwrap_or_else(|| identity.path.clone());
        let rest = OfMany { identity: shared_part(identity, path), marked };
        Compact {
            id: Id::of(id),
            pod: self.pods.share(pod),
            rest: self.rest.share(rest),
            restart_count: identity.restart_count,
        }
    }

    /// Forgets the parts that no identity has any more.
    pub(super) fn tidy(&mut self) {
        self.rest.tidy();
        self.pods.tidy();
        self.labels.tidy();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.pods.len() + self.labels.len() + self.rest.len()
    }
}

/// What is not a container's or a pod's own.
fn shared_part(identity: &Identity, path: String) -> Identity {
    Identity {
        container_id: String::new(),
        path,
        pod_uid: None,
        pod: None,
        labels: BTreeMap::new(),
        restart_count: None,
        ..identity.clone()
    }
}

/// A path with marks for its ids; none where they would not lead back to it.
fn marked(path: &str, id: &str, uid: &str) -> Option<String> {
    if path.contains(MARKS) {
        return None;
    }
    let mut text = path.to_owned();
    for (part, mark) in [id, uid, &uid.replace('-', "_")].into_iter().zip(MARKS) {
        if !part.is_empty() {
            text = text.replace(part, mark.encode_utf8(&mut [0; 4]));
        }
    }
    (text != path && unmarked(&text, id, uid) == path).then_some(text)
}

fn unmarked(path: &str, id: &str, uid: &str) -> String {
    let [of_id, of_uid, of_other] = MARKS;
    path.replace(of_id, id).replace(of_uid, uid).replace(of_other, &uid.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Role;

    fn id() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9a-f]{64}", "[0-9A-F]{64}", "[a-z/\u{1}\u{2}-]{0,5}", ".{0,8}"]
    }

    fn identity() -> impl Strategy<Value = Identity> {
        let uid = proptest::option::of("([0-9a-f]{4}-[0-9a-f]{4}|[a\u{3}]{0,2})");
        let texts = (proptest::option::of("[a-c]{0,2}"), proptest::option::of("[a-c]{0,2}"));
        let labels = proptest::collection::btree_map(".{0,3}", ".{0,3}", 0..3);
        let path = ("[/a\u{1}\u{2}\u{3}]{0,4}", 0..6_u8);
        let restarts = proptest::option::of(0..3_u32);
        (id(), uid, texts, labels, path, restarts).prop_map(|(id, uid, texts, labels, (path, form), restarts)| {
            let own = uid.clone().unwrap_or_default();
            let path = match form {
                0 => format!("/kubepods/burstable/pod{own}/{id}"),
                1 => format!("/kubepods.slice/kubepods-pod{}.slice/cri-{id}.scope", own.replace('-', "_")),
                2 => format!("/{id}{id}{path}{own}"),
                _ => path,
            };
            Identity {
                pod_uid: uid,
                pod: texts.0.clone(),
                namespace: texts.1,
                workload: texts.0,
                labels,
                restart_count: restarts,
                ..Identity::unnamed(id, path, Role::Container)
            }
        })
    }

    proptest! {
        #[test]
        fn an_identity_comes_back_as_it_was(identities in proptest::collection::vec(identity(), 1..8)) {
            let mut parts = Parts::default();
            let compact: Vec<Compact> = identities.iter().map(|identity| parts.compact(identity)).collect();
            for (identity, compact) in identities.iter().zip(&compact) {
                prop_assert_eq!(&compact.identity(), identity);
                prop_assert_eq!(compact.pod_uid(), identity.pod_uid.as_deref());
            }
            for (a, one) in compact.iter().enumerate() {
                for (b, other) in compact.iter().enumerate() {
                    prop_assert_eq!(one == other, identities[a] == identities[b]);
                    prop_assert_eq!(one.id.cmp(&other.id), identities[a].container_id.cmp(&identities[b].container_id));
                }
            }
            drop(compact);
            parts.tidy();
            prop_assert_eq!(parts.len(), 0);
        }
    }

    #[test]
    fn containers_of_a_workload_share_all_but_their_ids_and_pods() {
        let mut parts = Parts::default();
        let compact: Vec<Compact> = (0..20_u32)
            .map(|number| {
                let (id, uid) = (format!("{number:064x}"), format!("00000000-0000-4000-8000-{number:012x}"));
                let path = format!("/kubepods/burstable/pod{uid}/{id}");
                let identity = Identity::unnamed(id, path, Role::Container);
                parts.compact(&Identity { pod_uid: Some(uid), pod: Some(format!("web-{number}")), ..identity })
            })
            .collect();
        assert!(compact.iter().all(|one| Arc::ptr_eq(&one.rest, &compact[0].rest)));
    }
}
