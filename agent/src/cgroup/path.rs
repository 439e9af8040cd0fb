//! What a cgroup's path tells: whether its last component is a container, of which runtime, and of which pod.
//!
//! Container runtimes name cgroups by convention; these are the conventions known here, `ID` being 64 lower-case hex
//! digits:
//!
//! * `PREFIX-ID.scope` anywhere (systemd driver): `cri-containerd`, `nerdctl` (containerd), `crio` (CRI-O), `docker`
//!   (docker, cri-dockerd), `libpod` and `libpod-payload` (podman, under `machine.slice`, a user's or a service's slice);
//! * `PREFIX-ID` anywhere (cgroupfs driver): CRI-O's `crio-ID`, podman's `/libpod_parent/libpod-ID`;
//! * `SLICE:PREFIX:ID` anywhere: a runtime of the cgroupfs driver that was given a path for the systemd driver;
//! * `ID` anywhere, as in `/docker/ID`, `/default/ID`, `/k8s.io/ID` or under a `--cgroup-parent` of any name, but not
//!   where pods or sandboxes have such names (podman's `/libpod_parent/ID`, Kata's `/kata_overhead/ID`).
//!
//! Directly below a pod the parent makes it certain, so other ids are accepted too: below the cgroupfs driver's
//! `pod<UID>` any name that is not a monitor's and not a systemd unit's, below the systemd driver's pod slice
//! `PREFIX-ID.scope` of a known prefix with any letters and digits for the ID, and of an unknown prefix with a full ID.
//!
//! The rules look at the last component and at what lies directly above it, never further: what is inside a container is
//! a container only if it looks like one itself (docker in docker, Kind), and then its pod is the one directly above
//! it, if there is any. The surprise: a pod's sandbox looks like any container of the pod, so every [`Found::role`] here
//! is [`Role::Container`]; and monitors (`crio-conmon-ID.scope`) look nearly like containers.

use crate::model::{QosClass, Role};

/// What a container's cgroup path tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The runtime's id of the container.
    pub container_id: String,
    /// `containerd`, `crio`, `docker` or `podman`; `None` where the path does not say.
    pub runtime: Option<&'static str>,
    /// The pod's uid with dashes; a static pod's is the hash of its manifest.
    pub pod_uid: Option<String>,
    /// The pod's class; `None` outside of pods.
    pub qos_class: Option<QosClass>,
    /// [`Role::Container`]: a path does not tell a sandbox from the containers beside it.
    pub role: Role,
}

/// What the path of a cgroup, below its hierarchy's root, tells about the container it is; `None` where it is none.
#[must_use]
pub fn classify(path: &str) -> Option<Found> {
    let mut upwards = path.rsplit('/').filter(|component| !component.is_empty());
    let name = upwards.next()?;
    let above = [upwards.next().unwrap_or(""), upwards.next().unwrap_or(""), upwards.next().unwrap_or("")];
    let (pod, named) = if let Some(pod) = Pod::from_directories(above) {
        (Some(pod), Named::full(name, above[0]).or_else(|| Named::in_pod_directory(name)))
    } else if let Some(pod) = Pod::from_slice(above[0]) {
        (Some(pod), Named::full(name, above[0]).or_else(|| Named::in_pod_slice(name)))
    } else {
        (name.split(':').next().and_then(Pod::from_slice), Named::full(name, above[0]))
    };
    let Named { id, runtime } = named?;
    let (pod_uid, qos_class) = pod.map(|pod| (pod.uid, pod.qos_class)).unzip();
    Some(Found { container_id: id.to_owned(), runtime, pod_uid, qos_class, role: Role::Container })
}

/// What a pod's cgroup path tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPod {
    /// The pod's uid with dashes; a static pod's is the hash of its manifest.
    pub uid: String,
    /// The pod's class.
    pub qos_class: QosClass,
}

/// The pod that the cgroup at a path, below its hierarchy's root, is as a whole; `None` where it is none.
#[must_use]
pub fn classify_pod(path: &str) -> Option<FoundPod> {
    let mut upwards = path.rsplit('/').filter(|component| !component.is_empty());
    let name = upwards.next()?;
    let above = [name, upwards.next().unwrap_or(""), upwards.next().unwrap_or("")];
    let Pod { uid, qos_class } = Pod::from_directories(above).or_else(|| Pod::from_slice(name))?;
    Some(FoundPod { uid, qos_class })
}

/// A name that only one runtime gives, and the runtime.
type Convention = (&'static str, &'static str);

/// How runtimes begin the names of their cgroups. `libpod-payload-` is podman's child of a service that it shares with
/// its monitor (`--cgroups=split`, Quadlet).
const PREFIXES: &[Convention] = &[
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "crio"),
    ("docker-", "docker"),
    ("libpod-payload-", "podman"),
    ("libpod-", "podman"),
];

/// Parents of bare ids that tell the runtime: docker's, and containerd's namespaces of `ctr`, nerdctl and the CRI plugin.
const PARENTS: &[Convention] = &[("docker", "docker"), ("default", "containerd"), ("k8s.io", "containerd")];

/// Parents whose children have names like a container's id and are a pod or a sandbox.
const PARENTS_OF_OTHERS: &[&str] = &["libpod_parent", "kata_overhead"];

/// The kinds of systemd unit that have a cgroup.
const UNITS: &[&str] = &[".scope", ".slice", ".service", ".socket", ".mount", ".swap"];

/// A container's id, and its runtime where the name tells it.
struct Named<'a> {
    id: &'a str,
    runtime: Option<&'static str>,
}

impl<'a> Named<'a> {
    /// A name with a full id, which is a container's wherever it is.
    fn full(name: &'a str, parent: &str) -> Option<Self> {
        if is_full_id(name) {
            let runtime = lookup(PARENTS, |known| known == parent).map(|(_, runtime)| runtime);
            return (!PARENTS_OF_OTHERS.contains(&parent)).then_some(Self { id: name, runtime });
        }
        if let Some((before, id)) = name.rsplit_once(':') {
            let (_, prefix) = before.rsplit_once(':')?;
            let runtime = lookup(PREFIXES, |known| known.strip_suffix('-') == Some(prefix)).map(|(_, runtime)| runtime);
            return is_full_id(id).then_some(Self { id, runtime });
        }
        Self::prefixed(name.strip_suffix(".scope").unwrap_or(name)).filter(|named| is_full_id(named.id))
    }

    /// A name below the cgroupfs driver's `pod<UID>`.
    fn in_pod_directory(name: &'a str) -> Option<Self> {
        let is_unit = UNITS.iter().any(|unit| name.ends_with(unit));
        (!is_unit && !is_monitor(name)).then_some(Self { id: name, runtime: None })
    }

    /// A name below the systemd driver's pod slice.
    fn in_pod_slice(name: &'a str) -> Option<Self> {
        let name = name.strip_suffix(".scope").filter(|name| !is_monitor(name))?;
        if let Some(named) = Self::prefixed(name) {
            return (!named.id.is_empty() && named.id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
                .then_some(named);
        }
        let (_, id) = name.rsplit_once('-')?;
        is_full_id(id).then_some(Self { id, runtime: None })
    }

    fn prefixed(name: &'a str) -> Option<Self> {
        let (prefix, runtime) = lookup(PREFIXES, |prefix| name.starts_with(prefix))?;
        Some(Self { id: &name[prefix.len()..], runtime: Some(runtime) })
    }
}

fn lookup(table: &[Convention], wanted: impl Fn(&str) -> bool) -> Option<Convention> {
    table.iter().find(|(key, _)| wanted(key)).copied()
}

fn is_full_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// conmon, the process beside each container of CRI-O and podman: `conmon`, `crio-conmon-ID`, `libpod-conmon-ID`.
fn is_monitor(name: &str) -> bool {
    name.split('-').any(|part| part == "conmon")
}

/// The pod that a container's parent is.
struct Pod {
    uid: String,
    qos_class: QosClass,
}

impl Pod {
    /// The cgroupfs driver: `kubepods/pod<UID>` for a Guaranteed pod, else `kubepods/<class>/pod<UID>`; nearest first.
    fn from_directories([pod, class, root]: [&str; 3]) -> Option<Self> {
        let uid = pod.strip_prefix("pod").filter(|uid| is_uid(uid))?;
        let (qos_class, root) = match class {
            "burstable" => (QosClass::Burstable, root),
            "besteffort" => (QosClass::BestEffort, root),
            root => (QosClass::Guaranteed, root),
        };
        is_kubepods(root.strip_suffix(".slice").unwrap_or(root)).then(|| Self { uid: uid.to_owned(), qos_class })
    }

    /// The systemd driver: `kubepods-pod<UID>.slice` for a Guaranteed pod, else `kubepods-<class>-pod<UID>.slice`, behind
    /// any prefix.
    ///
    /// A slice's name spells out every slice above it, a dash between them, so the uid's dashes are written as
    /// underscores (or, by systemd's own rule, as `\x2d`).
    fn from_slice(name: &str) -> Option<Self> {
        let (above, uid) = name.strip_suffix(".slice")?.rsplit_once("-pod")?;
        let uid = uid.replace(r"\x2d", "-").replace('_', "-");
        let (qos_class, root) = if let Some(root) = above.strip_suffix("-burstable") {
            (QosClass::Burstable, root)
        } else if let Some(root) = above.strip_suffix("-besteffort") {
            (QosClass::BestEffort, root)
        } else {
            (QosClass::Guaranteed, above)
        };
        (is_uid(&uid) && is_kubepods(root)).then_some(Self { uid, qos_class })
    }
}

fn is_uid(uid: &str) -> bool {
    !uid.is_empty() && uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether this is the root of all pods: the kubelet's `kubepods`, with what its settings put before or after it.
fn is_kubepods(root: &str) -> bool {
    root.starts_with("kubepods") || root.ends_with("kubepods")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "9a72addb92bdaa403c5c2dc7d5480b65647e123a99c02c16d137c13c8b90e330";
    const OUTER: &str = "fde8e3da57bca2c7d0879e7dbb2bd905eadf9754ff54e89dc0e5d13cb122a68c";
    const UID: &str = "13f9a453-9155-45b8-980b-b536eae844c9";
    const SLICE_UID: &str = "13f9a453_9155_45b8_980b_b536eae844c9";
    const STATIC_UID: &str = "218e604776116945b16a34f8ab7c454c";

    /// The path with the ids above written out.
    fn path(pattern: &str) -> String {
        let ids = [("OUTER", OUTER), ("SLICE_UID", SLICE_UID), ("STATIC_UID", STATIC_UID), ("UID", UID), ("ID", ID)];
        ids.iter().fold(pattern.to_owned(), |path, (name, id)| path.replace(&format!("<{name}>"), id))
    }

    fn container(pattern: &str, runtime: Option<&'static str>) {
        let expected =
            Found { container_id: ID.to_owned(), runtime, pod_uid: None, qos_class: None, role: Role::Container };
        assert_eq!(classify(&path(pattern)), Some(expected), "{pattern}");
    }

    fn in_pod(pattern: &str, runtime: Option<&'static str>, uid: &str, qos_class: QosClass) {
        let expected = Found {
            container_id: ID.to_owned(),
            runtime,
            pod_uid: Some(uid.to_owned()),
            qos_class: Some(qos_class),
            role: Role::Container,
        };
        assert_eq!(classify(&path(pattern)), Some(expected), "{pattern}");
    }

    fn nothing(pattern: &str) {
        assert_eq!(classify(&path(pattern)), None, "{pattern}");
    }

    #[test]
    fn pods_of_the_systemd_driver_are_known_by_their_slice() {
        use QosClass::{BestEffort, Burstable, Guaranteed};
        let burstable = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<SLICE_UID>.slice";
        in_pod(&format!("{burstable}/cri-containerd-<ID>.scope"), Some("containerd"), UID, Burstable);
        in_pod(&format!("{burstable}/crio-<ID>.scope"), Some("crio"), UID, Burstable);
        in_pod(&format!("{burstable}/docker-<ID>.scope"), Some("docker"), UID, Burstable);
        in_pod(&format!("{burstable}/isulad-<ID>.scope"), None, UID, Burstable);
        in_pod(&format!("{burstable}/<ID>"), None, UID, Burstable);
        let best_effort = "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<SLICE_UID>.slice";
        in_pod(&format!("{best_effort}/crio-<ID>.scope"), Some("crio"), UID, BestEffort);
        let guaranteed = "/kubepods.slice/kubepods-pod<SLICE_UID>.slice";
        in_pod(&format!("{guaranteed}/cri-containerd-<ID>.scope"), Some("containerd"), UID, Guaranteed);
        let stat = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<STATIC_UID>.slice";
        in_pod(&format!("{stat}/cri-containerd-<ID>.scope"), Some("containerd"), STATIC_UID, Burstable);
        let kind = "/system.slice/docker-<OUTER>.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod<SLICE_UID>.slice";
        in_pod(&format!("{kind}/cri-containerd-<ID>.scope"), Some("containerd"), UID, Guaranteed);
        let escaped = format!("/kubepods.slice/kubepods-pod{}.slice/crio-<ID>.scope", UID.replace('-', r"\x2d"));
        in_pod(&escaped, Some("crio"), UID, Guaranteed);
    }

    #[test]
    fn pods_of_the_cgroupfs_driver_are_known_by_their_directories() {
        use QosClass::{BestEffort, Burstable, Guaranteed};
        in_pod("/kubepods/burstable/pod<UID>/<ID>", None, UID, Burstable);
        in_pod("/kubepods/besteffort/pod<UID>/<ID>", None, UID, BestEffort);
        in_pod("/kubepods/pod<UID>/<ID>", None, UID, Guaranteed);
        in_pod("/kubepods/burstable/pod<STATIC_UID>/<ID>", None, STATIC_UID, Burstable);
        in_pod("/kubepods/burstable/pod<UID>/crio-<ID>", Some("crio"), UID, Burstable);
        in_pod("/kubelet/kubepods/burstable/pod<UID>/<ID>", None, UID, Burstable);
        in_pod("/docker/<OUTER>/kubelet/kubepods/besteffort/pod<UID>/<ID>", None, UID, BestEffort);
        in_pod("/system.slice/docker-<OUTER>.scope/kubelet/kubepods/pod<UID>/<ID>", None, UID, Guaranteed);
    }

    #[test]
    fn a_runtime_that_mixes_the_drivers_up_is_understood() {
        let mixed = "/system.slice/containerd.service/kubepods-burstable-pod<SLICE_UID>.slice:cri-containerd:<ID>";
        in_pod(mixed, Some("containerd"), UID, QosClass::Burstable);
        container("/system.slice:docker:<ID>", Some("docker"));
        nothing("/system.slice/containerd.service/kubepods-burstable-pod<SLICE_UID>.slice:cri-containerd:abc");
        nothing("/a:<ID>");
    }

    #[test]
    fn containers_without_kubernetes_are_known_by_their_names() {
        container("/docker/<ID>", Some("docker"));
        container("/docker/<OUTER>/docker/<ID>", Some("docker"));
        container("/system.slice/docker-<ID>.scope", Some("docker"));
        container("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-<ID>.scope", Some("docker"));
        container("/default/<ID>", Some("containerd"));
        container("/k8s.io/<ID>", Some("containerd"));
        container("/system.slice/nerdctl-<ID>.scope", Some("containerd"));
        container("/actions_job/<ID>", None);
        container("/machine.slice/libpod-<ID>.scope", Some("podman"));
        container("/machine.slice/machine-libpod_pod_<OUTER>.slice/libpod-<ID>.scope", Some("podman"));
        container("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-<ID>.scope", Some("podman"));
        container("/libpod_parent/libpod-<ID>", Some("podman"));
        container("/libpod_parent/<OUTER>/libpod-<ID>", Some("podman"));
        container("/system.slice/web.service/libpod-payload-<ID>", Some("podman"));
    }

    #[test]
    fn slashes_at_the_ends_do_not_matter() {
        container("docker/<ID>", Some("docker"));
        container("//docker//<ID>/", Some("docker"));
    }

    #[test]
    fn below_a_certain_parent_other_ids_are_containers_too() {
        let found = classify("/kubepods-fixture/burstable/pod0a1b2c3d/ctr");
        let expected = Found {
            container_id: "ctr".to_owned(),
            runtime: None,
            pod_uid: Some("0a1b2c3d".to_owned()),
            qos_class: Some(QosClass::Burstable),
            role: Role::Container,
        };
        assert_eq!(found, Some(expected));
        let found = classify(&path("/kubepods.slice/kubepods-pod<SLICE_UID>.slice/crio-abc123.scope"));
        assert_eq!(found.map(|found| (found.container_id, found.runtime)), Some(("abc123".to_owned(), Some("crio"))));
        nothing("/system.slice/docker-abc123.scope");
        nothing("/docker/abc123");
    }

    #[test]
    fn monitors_are_not_containers() {
        nothing("/kubepods.slice/kubepods-pod<SLICE_UID>.slice/crio-conmon-<ID>.scope");
        nothing("/kubepods/burstable/pod<UID>/crio-conmon-<ID>");
        nothing("/kubepods/burstable/pod<UID>/conmon");
        nothing("/machine.slice/libpod-conmon-<ID>.scope");
        nothing("/system.slice/crio-conmon-<ID>.scope");
        nothing("/libpod_parent/conmon");
    }

    #[test]
    fn what_is_inside_a_container_is_none() {
        nothing("/system.slice/docker-<ID>.scope/init.scope");
        nothing("/system.slice/docker-<ID>.scope/kubelet.slice/kubelet.service");
        nothing("/kubepods/burstable/pod<UID>/<ID>/foo");
        nothing("/kubepods.slice/kubepods-pod<SLICE_UID>.slice/crio-<ID>.scope/container");
        nothing("/machine.slice/libpod-<ID>.scope/container");
        nothing("/machine.slice/libpod-<ID>.scope/supervisor");
    }

    #[test]
    fn a_container_inside_a_container_has_no_pod_of_its_own() {
        container("/kubepods/burstable/pod<UID>/<OUTER>/docker/<ID>", Some("docker"));
    }

    #[test]
    fn pods_and_other_cgroups_are_not_containers() {
        nothing("");
        nothing("/");
        nothing("/init.scope");
        nothing("/system.slice");
        nothing("/system.slice/docker.service");
        nothing("/system.slice/docker-.scope");
        nothing("/kubepods");
        nothing("/kubepods/burstable");
        nothing("/kubepods/burstable/pod<UID>");
        nothing("/kubepods/pod<UID>");
        nothing("/kubepods/burstable/pod<UID>/init.scope");
        nothing("/kubepods/burstable/pod/<OUTER>x");
        nothing("/podcasts/burstable/pod<UID>/ctr");
        nothing("/system.slice/pod<UID>/ctr");
        nothing("/kubepods.slice/kubepods-burstable.slice");
        nothing("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<SLICE_UID>.slice");
        nothing("/kubepods.slice/kubepods-pod<SLICE_UID>.slice/crio-.scope");
        nothing("/kubepods.slice/kubepods-pod<SLICE_UID>.slice/ctr");
        nothing("/machine.slice/machine-libpod_pod_<ID>.slice");
        nothing("/libpod_parent/<ID>");
        nothing("/kata_overhead/<ID>");
        nothing(&format!("/docker/{}", ID.to_uppercase()));
        nothing("/docker/<ID>0");
    }

    proptest! {
        #[test]
        fn no_path_panics(any_path in r"\PC{0,200}", parts in proptest::collection::vec("(kubepods|burstable|\\.slice|\\.scope|/|:|-|pod|crio|conmon|é|[0-9a-f]{64})", 0..12)) {
            let _ = (classify(&any_path), classify(&parts.concat()));
        }
    }
}
