//! Names of docker's and podman's containers from the state files that these runtimes keep, where they can be read.
//!
//! For machines without Kubernetes. A file is read when a container is born, never in a loop; docker keeps one per
//! container, podman one for all, which is read again only if it has changed and not twice a second. The surprise: podman's
//! file may belong to any user, so what is opened is neither a link nor a pipe, and bounded like everything from outside.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Deserializer};

use super::facts::{MAX_NAME_BYTES, bounded_labels, cut};
use crate::model::Identity;
use crate::schedule::Monotonic;

/// The largest state file of one docker container.
const MAX_DOCKER_BYTES: u64 = 1 << 20;
/// The largest of podman, which is of all containers.
const MAX_PODMAN_BYTES: u64 = 8 << 20;
/// Containers of podman that are kept.
const MAX_PODMAN: usize = 5_000;
/// How soon podman's file is looked at again.
const PODMAN_EVERY: Duration = Duration::from_millis(500);

/// Where docker keeps its containers, below the host's root.
const DOCKER: &str = "var/lib/docker/containers";
/// Where podman keeps its list of them, below the host's root or the user's data directory.
const PODMAN: &str = "containers/storage/overlay-containers/containers.json";

/// What a runtime says of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Named {
    name: Option<String>,
    image: Option<String>,
    labels: BTreeMap<String, String>,
}

/// What a look brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The identity has its names now.
    Named,
    /// Nobody knows the container.
    Unknown,
    /// It is too soon to look again.
    TooSoon,
}

/// The state files of docker and podman.
#[derive(Clone, Debug)]
pub struct RuntimeNames {
    docker: PathBuf,
    podman: Vec<PodmanList>,
}

#[derive(Clone, Debug)]
struct PodmanList {
    path: PathBuf,
    next_look: Monotonic,
    /// Length and time of the file that was read.
    read: Option<(u64, SystemTime)>,
    known: HashMap<String, Named>,
}

impl RuntimeNames {
    /// Below the root of the host, and for this user's own podman in a home directory.
    #[must_use]
    pub fn new(host_root: &Path, home: Option<&Path>) -> Self {
        let system = Some(host_root.join("var/lib").join(PODMAN));
        let own = home.map(|home| home.join(".local/share").join(PODMAN));
        let list = |path| PodmanList { path, next_look: Monotonic::ZERO, read: None, known: HashMap::new() };
        Self { docker: host_root.join(DOCKER), podman: system.into_iter().chain(own).map(list).collect() }
    }

    /// Fills in what the runtime knows of a container outside of pods.
    pub fn name(&mut self, identity: &mut Identity, now: Monotonic) -> Looked {
        let is_plain = identity.container_id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if identity.pod_uid.is_some() || identity.container_id.is_empty() || !is_plain {
            return Looked::Unknown;
        }
        let found = match identity.runtime.as_deref() {
            Some("docker") => self.of_docker(&identity.container_id),
            Some("podman") => match self.of_podman(&identity.container_id, now) {
                Err(TooSoon) => return Looked::TooSoon,
                Ok(found) => found,
            },
            _ => None,
        };
        let Some(named) = found else { return Looked::Unknown };
        identity.container = named.name;
        identity.image = named.image;
        identity.labels = named.labels;
        Looked::Named
    }

    fn of_docker(&self, id: &str) -> Option<Named> {
        let text = read(&self.docker.join(id).join("config.v2.json"), MAX_DOCKER_BYTES)?;
        docker_names(&text)
    }

    fn of_podman(&mut self, id: &str, now: Monotonic) -> Result<Option<Named>, TooSoon> {
        let mut too_soon = false;
        for list in &mut self.podman {
            if let Some(named) = list.known.get(id) {
                return Ok(Some(named.clone()));
            }
            too_soon |= now < list.next_look;
            if now >= list.next_look {
                list.next_look = now + PODMAN_EVERY;
                list.look();
                if let Some(named) = list.known.get(id) {
                    return Ok(Some(named.clone()));
                }
            }
        }
        if too_soon { Err(TooSoon) } else { Ok(None) }
    }
}

struct TooSoon;

impl PodmanList {
    /// Reads the file, if it is another one than the last time.
    fn look(&mut self) {
        let Ok(metadata) = std::fs::symlink_metadata(&self.path) else { return };
        let state = metadata.modified().ok().map(|time| (metadata.len(), time));
        if state.is_some() && state == self.read {
            return;
        }
        self.read = state;
        if let Some(text) = read(&self.path, MAX_PODMAN_BYTES) {
            self.known = podman_names(&text);
        }
    }
}

/// A regular file up to a size; `None` where it is missing, larger, a link, or anything else.
fn read(path: &Path, most: u64) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let metadata = file.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= most)?;
    let mut text = Vec::with_capacity(usize::try_from(metadata.len()).ok()?);
    file.take(most).read_to_end(&mut text).ok()?;
    Some(text)
}

#[derive(Deserialize)]
struct DockerState {
    #[serde(rename = "Name")]
    name: Option<String>,
    #[serde(rename = "Config")]
    config: Option<DockerConfig>,
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(rename = "Image")]
    image: Option<String>,
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

fn docker_names(text: &[u8]) -> Option<Named> {
    let state: DockerState = serde_json::from_slice(text).ok()?;
    let config = state.config.unwrap_or(DockerConfig { image: None, labels: None });
    Some(Named {
        name: bounded(state.name.as_deref().map(|name| name.trim_start_matches('/'))),
        image: bounded(config.image.as_deref()),
        labels: bounded_labels(&config.labels.unwrap_or_default()).0,
    })
}

#[derive(Deserialize)]
struct PodmanContainer {
    id: String,
    names: Option<Vec<String>>,
    /// JSON within JSON.
    #[serde(default, deserialize_with = "metadata")]
    metadata: PodmanMetadata,
}

#[derive(Default, Deserialize)]
struct PodmanMetadata {
    #[serde(rename = "image-name")]
    image: Option<String>,
    name: Option<String>,
}

fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PodmanMetadata, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn podman_names(text: &[u8]) -> HashMap<String, Named> {
    let containers: Vec<PodmanContainer> = serde_json::from_slice(text).unwrap_or_default();
    let named = containers.into_iter().take(MAX_PODMAN).map(|container| {
        let first = container.names.and_then(|names| names.into_iter().next());
        let name = bounded(first.or(container.metadata.name).as_deref());
        let image = bounded(container.metadata.image.as_deref());
        (cut(&container.id, MAX_NAME_BYTES), Named { name, image, labels: BTreeMap::new() })
    });
    named.collect()
}

fn bounded(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| cut(text, MAX_NAME_BYTES))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::Role;

    const ID: &str = "b3c1f2a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f80";

    fn container(runtime: &str) -> Identity {
        Identity { runtime: Some(runtime.into()), ..Identity::unnamed(ID, "/x", Role::Container) }
    }

    fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn podman(name: &str) -> String {
        let metadata = r#"{\"image-name\":\"docker.io/library/redis:7\",\"image-id\":\"x\",\"name\":\"m\"}"#;
        format!(
            r#"[{{"id":"{ID}","names":["{name}"],"image":"x","metadata":"{metadata}","flags":{{}}}},{{"id":"other"}}]"#
        )
    }

    #[test]
    fn a_docker_container_has_its_name_image_and_labels() {
        let root = tempfile::tempdir().unwrap();
        let text = r#"{"StreamConfig":{},"State":{"Running":true},"ID":"x","Created":"2026","Managed":false,
            "Config":{"Hostname":"x","Image":"nginx:1.27","Labels":{"com.docker.compose.service":"web"}},"Name":"/web-1"}"#;
        write(root.path(), &format!("{DOCKER}/{ID}/config.v2.json"), text);
        let mut names = RuntimeNames::new(root.path(), None);
        let mut identity = container("docker");
        assert_eq!(names.name(&mut identity, Monotonic::ZERO), Looked::Named);
        assert_eq!((identity.container.as_deref(), identity.image.as_deref()), (Some("web-1"), Some("nginx:1.27")));
        assert_eq!(identity.labels["com.docker.compose.service"], "web");
        assert_eq!(names.name(&mut container("containerd"), Monotonic::ZERO), Looked::Unknown);
        let mut in_pod = Identity { pod_uid: Some("u".into()), ..container("docker") };
        assert_eq!(names.name(&mut in_pod, Monotonic::ZERO), Looked::Unknown);
    }

    #[test]
    fn a_podman_container_has_its_name_and_image_from_root_or_the_user() {
        for below in ["var/lib", "home/me/.local/share"] {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), &format!("{below}/{PODMAN}"), podman("cache"));
            let mut names = RuntimeNames::new(root.path(), Some(&root.path().join("home/me")));
            let mut identity = container("podman");
            assert_eq!(names.name(&mut identity, Monotonic::ZERO), Looked::Named);
            assert_eq!(identity.container.as_deref(), Some("cache"));
            assert_eq!(identity.image.as_deref(), Some("docker.io/library/redis:7"));
        }
    }

    #[test]
    fn podmans_list_is_read_again_when_it_has_changed_but_not_too_soon() {
        let root = tempfile::tempdir().unwrap();
        let mut names = RuntimeNames::new(root.path(), None);
        assert_eq!(names.name(&mut container("podman"), Monotonic::ZERO), Looked::Unknown);
        write(root.path(), &format!("var/lib/{PODMAN}"), podman("late"));
        assert_eq!(names.name(&mut container("podman"), PODMAN_EVERY / 2), Looked::TooSoon);
        assert_eq!(names.name(&mut container("podman"), PODMAN_EVERY), Looked::Named);
    }

    #[test]
    fn links_pipes_directories_large_files_and_garbage_name_nobody() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(DOCKER).join(ID).join("config.v2.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut names = RuntimeNames::new(root.path(), None);
        let mut looked = || names.name(&mut container("docker"), Monotonic::ZERO);
        fs::create_dir(&path).unwrap();
        assert_eq!(looked(), Looked::Unknown);
        fs::remove_dir(&path).unwrap();
        write(root.path(), "secret", r#"{"Name":"/no"}"#);
        std::os::unix::fs::symlink(root.path().join("secret"), &path).unwrap();
        assert_eq!(looked(), Looked::Unknown);
        fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(looked(), Looked::Unknown);
        fs::remove_file(&path).unwrap();
        fs::write(&path, vec![b' '; usize::try_from(MAX_DOCKER_BYTES).unwrap() + 1]).unwrap();
        assert_eq!(looked(), Looked::Unknown);
        for garbage in [&b"{"[..], b"[]", b"\xff", br#"{"Name":7}"#, b"null"] {
            fs::write(&path, garbage).unwrap();
            assert_eq!(looked(), Looked::Unknown, "{garbage:?}");
            assert_eq!(podman_names(garbage), HashMap::new());
        }
    }
}
