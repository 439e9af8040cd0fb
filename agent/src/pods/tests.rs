//! Pods as today's API serves them, and what the index makes of them.

use super::cell::PodsCell;
use super::*;
use crate::model::Resources;
use crate::rfc3339;

const UID: &str = "5b1a6f6e-2f1c-4e44-9a53-1de0a5d1a001";
const SINCE: &str = "2026-09-14T10:00:00Z";

/// What `kubectl get pod -o json` shows of a pod of a Deployment on Kubernetes 1.33, shortened where nothing is read.
const POD: &str = include_str!("tests/pod.json");
/// A static pod's mirror, likewise.
const MIRROR: &str = include_str!("tests/mirror.json");

fn pod(text: &str) -> Pod {
    serde_json::from_str(text).unwrap()
}

fn index(pods: &[&str]) -> PodIndex {
    let mut index = PodIndex::new(rfc3339::parse(SINCE).unwrap());
    pods.iter().for_each(|text| assert!(index.upsert(&pod(text))));
    index
}

fn id(letter: char) -> String {
    std::iter::repeat_n(letter, 64).collect()
}

fn found(id: &str, uid: Option<&str>) -> Identity {
    Identity { pod_uid: uid.map(str::to_owned), ..Identity::unnamed(id, "/x", Role::Container) }
}

fn named(index: &PodIndex, id: &str) -> Identity {
    index.fuller(&found(id, Some(UID)), 0).unwrap()
}

/// A small pod with one container.
fn small(number: usize, more: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"p{number}","namespace":"n","uid":"u{number}"{more}}},
        "spec":{{"containers":[{{"name":"c","image":"i"}}]}},
        "status":{{"containerStatuses":[{{"name":"c","containerID":"containerd://c{number}","restartCount":0}}]}}}}"#
    )
}

#[test]
fn a_container_has_its_names_image_resources_and_labels() {
    let web = named(&index(&[POD]), &id('a'));
    assert_eq!(web.pod.as_deref(), Some("checkout-7d4b9c-x2x7p"));
    assert_eq!(web.namespace.as_deref(), Some("shop"));
    assert_eq!(web.container.as_deref(), Some("server"));
    assert_eq!(web.workload.as_deref(), Some("Deployment/checkout"));
    assert_eq!(web.image.as_deref(), Some("registry.example/checkout:1.2"));
    assert_eq!((web.kind, web.restart_count), (Some(ContainerKind::Regular), Some(2)));
    assert_eq!(web.restart_reason.as_deref(), Some("OOMKilled"));
    let resources = Resources {
        cpu_request_millicores: Some(250),
        cpu_limit_millicores: Some(1000),
        memory_request_bytes: Some(64 << 20),
        memory_limit_bytes: Some(128 << 20),
    };
    assert_eq!(web.resources, resources);
    assert_eq!(web.labels["app"], "checkout");
}

#[test]
fn init_containers_sidecars_and_ephemeral_containers_are_told_apart() {
    let index = index(&[POD]);
    let kind = |letter| named(&index, &id(letter)).kind.unwrap();
    assert_eq!(kind('b'), ContainerKind::Init);
    assert_eq!(kind('c'), ContainerKind::Sidecar);
    assert_eq!(kind('d'), ContainerKind::Ephemeral);
    assert_eq!(named(&index, &id('d')).container.as_deref(), Some("debugger-1"));
    assert!(named(&index, &id('c')).resources.is_empty());
}

#[test]
fn the_instance_before_the_newest_is_known_too() {
    let before = named(&index(&[POD]), &id('9'));
    assert_eq!((before.container.as_deref(), before.restart_count), (Some("server"), Some(1)));
    assert_eq!(before.restart_reason, None);
}

#[test]
fn a_sandbox_or_a_container_without_a_known_id_has_its_pods_names_alone() {
    let sandbox = named(&index(&[POD]), &id('f'));
    assert_eq!(sandbox.pod.as_deref(), Some("checkout-7d4b9c-x2x7p"));
    assert_eq!((sandbox.container, sandbox.image, sandbox.kind), (None, None, None));
    assert_eq!(sandbox.role, Role::Container);
}

#[test]
fn what_is_none_of_a_pods_containers_is_its_sandbox_once_all_of_them_are_known_and_run() {
    let known = index(&[POD]);
    assert!(known.is_sandbox(&found(&id('f'), Some(UID))));
    for letter in ['a', 'b', 'c', 'd', '9'] {
        assert!(!known.is_sandbox(&found(&id(letter), Some(UID))));
    }
    assert!(!known.is_sandbox(&found(&id('f'), None)) && !known.is_sandbox(&found(&id('f'), Some("stranger"))));
    let starting = index(&[&POD.replace(&format!("containerd://{}", id('a')), "")]);
    assert!(!starting.is_sandbox(&found(&id('f'), Some(UID))), "it may be the container that starts");
    let taken_for_one = Identity { role: Role::Sandbox, ..found(&id('a'), Some(UID)) };
    assert_eq!(known.fuller(&taken_for_one, 0).unwrap().role, Role::Container);
}

#[test]
fn a_static_pod_is_found_by_the_hash_that_its_cgroup_is_named_by() {
    let index = index(&[MIRROR]);
    let hash = "d0a3c1f2b4e5968778695a4b3c2d1e0f";
    let by_uid = index.fuller(&found("unknown", Some(hash)), 0).unwrap();
    assert_eq!((by_uid.pod.as_deref(), by_uid.namespace.as_deref()), (Some("etcd-node-1"), Some("kube-system")));
    let by_id = index.fuller(&found(&id('e'), Some(hash)), 0).unwrap();
    assert_eq!((by_id.container.as_deref(), by_id.workload.as_deref()), (Some("etcd"), Some("Pod/etcd-node-1")));
    assert_eq!(by_id.pod_uid.as_deref(), Some(hash));
}

#[test]
fn nothing_is_said_of_strangers_or_of_what_has_not_changed() {
    let mut index = index(&[POD]);
    assert_eq!(index.fuller(&found("stranger", None), 0), None);
    let full = named(&index, &id('a'));
    assert_eq!(index.fuller(&full, 0), None, "nothing to add");
    let generation = index.generation();
    assert_eq!(index.fuller(&found(&id('a'), None), generation), None, "not since then");
    index.upsert(&pod(POD));
    assert_eq!(index.generation(), generation, "the same again");
    index.upsert(&pod(&POD.replace("\"restartCount\": 2", "\"restartCount\": 4")));
    assert!(index.fuller(&full, generation).is_some_and(|fuller| fuller.restart_count == Some(4)));
}

#[test]
fn what_a_whole_list_does_not_have_is_gone_and_a_broken_one_takes_nothing() {
    let mut index = index(&[&small(1, ""), &small(2, "")]);
    index.begin_list();
    index.upsert(&pod(&small(2, "")));
    assert_eq!(index.counts(), (2, 2));
    index.end_list();
    assert_eq!(index.counts(), (1, 1));
    assert!(index.fuller(&found("c1", Some("u1")), 0).is_none());
    assert!(index.fuller(&found("c2", Some("u2")), 0).is_some());
    index.remove(&pod(&small(2, "")));
    assert_eq!((index.counts(), index.bytes), ((0, 0), 0));
}

#[test]
fn each_end_and_each_restart_is_told_once_even_over_lists() {
    let mut index = index(&[POD]);
    let ends = |news: Vec<PodNews>| -> Vec<Termination> {
        let end = |news| if let PodNews::Terminated(end) = news { Some(end) } else { None };
        news.into_iter().filter_map(end).collect()
    };
    let first = ends(index.take_news());
    // The init container had ended before anybody looked.
    assert_eq!(first.len(), 1, "{first:?}");
    let Termination { owner, reason, exit_code, restart_count, finished_at, .. } = &first[0];
    assert_eq!((owner.container_id.as_deref(), owner.container.as_deref()), (Some(&*id('9')), Some("server")));
    assert_eq!((reason.as_deref(), *exit_code, *restart_count), (Some("OOMKilled"), Some(137), Some(1)));
    assert_eq!(*finished_at, rfc3339::parse("2026-09-14T11:20:03Z"));
    for _ in 0..3 {
        index.begin_list();
        index.upsert(&pod(POD));
        index.end_list();
    }
    index.remove(&pod(POD));
    index.upsert(&pod(POD));
    assert_eq!(index.take_news(), []);
    let again = POD.replace("\"restartCount\": 2", "\"restartCount\": 3");
    index.upsert(&pod(&again));
    let told = index.take_news();
    let [PodNews::Restarted(restart)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((restart.restart_count, restart.reason.as_deref()), (3, Some("OOMKilled")));
    assert_eq!(restart.owner.workload.as_deref(), Some("Deployment/checkout"));
}

#[test]
fn news_that_nobody_takes_are_bounded_and_counted() {
    let mut index = PodIndex::new(0);
    for number in 0..MAX_NEWS + 7 {
        let text = small(1, "").replace("\"restartCount\":0", &format!("\"restartCount\":{number}"));
        index.upsert(&pod(&text));
    }
    assert_eq!(index.beyond().news, 6);
    assert_eq!(index.take_news().len(), MAX_NEWS);
}

#[test]
fn pods_beyond_the_number_are_left_out_and_counted_and_the_memory_stays_bounded() {
    let mut index = PodIndex::new(0);
    for number in 0..MAX_PODS + 3 {
        index.upsert(&pod(&small(number, "")));
    }
    assert_eq!((index.counts().0, index.beyond().pods), (MAX_PODS, 3));
    let labels: Vec<String> = (0..50).map(|n| format!(r#""key{n}":"{}""#, "v".repeat(5000))).collect();
    let labels = format!(r#","labels":{{{}}}"#, labels.join(","));
    let mut index = PodIndex::new(0);
    for number in 0..3000 {
        index.upsert(&pod(&small(number, &labels)));
    }
    assert!(index.bytes <= MAX_BYTES && index.beyond().pods > 0, "{:?}", index.beyond());
    assert_eq!(index.beyond().labels, 3000 * 50);
    let identity = index.fuller(&found("c1", None), 0).unwrap();
    assert_eq!(identity.labels.len(), facts::MAX_LABELS);
    assert!(identity.labels.values().all(|value| value.len() == facts::MAX_LABEL_BYTES));
}

#[test]
fn nulls_missing_parts_and_long_names_are_no_harm() {
    let mut index = PodIndex::new(0);
    for text in ["{}", r#"{"metadata":null,"spec":null,"status":null}"#, r#"{"metadata":{"name":"x"}}"#] {
        assert!(!index.upsert(&pod(text)), "{text}");
    }
    let long = "ü".repeat(5000);
    let text = format!(
        r#"{{"metadata":{{"name":"{long}","uid":"u","labels":null,"ownerReferences":null,"creationTimestamp":null}},
        "spec":{{"containers":[{{"name":"c","resources":null}}],"initContainers":null}},
        "status":{{"containerStatuses":[{{"name":"c","containerID":"","state":null,"lastState":{{"terminated":null}}}}]}}}}"#
    );
    assert!(index.upsert(&pod(&text)));
    let identity = index.fuller(&found("x", Some("u")), 0).unwrap();
    assert_eq!(identity.pod.unwrap().len(), facts::MAX_NAME_BYTES);
    assert_eq!(index.counts(), (1, 0), "an empty id names nobody");
}

#[test]
fn the_cells_number_grows_with_what_changes() {
    let cell = PodsCell::new(0);
    assert_eq!(cell.generation(), 0);
    cell.change(|index| index.upsert(&pod(POD)));
    let generation = cell.generation();
    assert!(generation > 0);
    cell.change(|index| index.upsert(&pod(POD)));
    assert_eq!(cell.generation(), generation);
    assert_eq!(cell.status().pods, 1);
    assert!(!cell.take_news().is_empty());
}
