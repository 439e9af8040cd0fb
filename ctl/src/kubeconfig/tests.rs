//! Of kubeconfigs as people have them, and of those that nobody has.

use proptest::prelude::*;

use super::sections::{CURRENT, List};
use super::*;

const NAME: &str = "kind-fgm-a";

fn of_kind(name: &str) -> String {
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: Q0E9\n    server: https://127.0.0.1:6443\n  name: {name}\n\
         contexts:\n- context:\n    cluster: {name}\n    user: {name}\n  name: {name}\ncurrent-context: {name}\nkind: Config\n\
         preferences: {{}}\nusers:\n- name: {name}\n  user:\n    client-certificate-data: Q0VSVA==\n    client-key-data: S0VZ\n"
    )
}

fn entries(name: &str) -> Entries {
    Entries::of_kind(&of_kind(name), name).unwrap()
}

fn there_and_back(old: &str) -> String {
    let new = merged(old, &entries(NAME)).unwrap();
    assert_eq!(merged(&new, &entries(NAME)).unwrap(), new, "twice is once");
    assert_eq!(without(&new, NAME).unwrap(), old);
    assert_eq!(without(old, NAME).unwrap(), old);
    new
}

#[test]
fn an_absent_file_gets_what_kubectl_reads() {
    let new = there_and_back("");
    assert_eq!(
        new,
        "apiVersion: v1 # by fgmctl\nkind: Config # by fgmctl\n\
         clusters: # by fgmctl\n- cluster:\n    certificate-authority-data: \"Q0E9\"\n    server: https://127.0.0.1:6443\n  name: kind-fgm-a\n\
         contexts: # by fgmctl\n- context:\n    cluster: kind-fgm-a\n    user: kind-fgm-a\n  name: kind-fgm-a\n\
         users: # by fgmctl\n- name: kind-fgm-a\n  user:\n    client-certificate-data: Q0VSVA==\n    client-key-data: \"S0VZ\"\n\
         current-context: kind-fgm-a # by fgmctl\n"
    );
    let read = kube::config::Kubeconfig::from_yaml(&new).unwrap();
    assert_eq!(read.current_context.as_deref(), Some(NAME));
    assert_eq!(read.clusters[0].cluster.as_ref().unwrap().server.as_deref(), Some("https://127.0.0.1:6443"));
}

#[test]
fn odd_ends_and_empty_lists_come_back_as_they_were() {
    for old in [
        "# mine\n",
        "clusters:\n- &one\n  name: no\n  cluster: &two {}\n",
        "---\n# mine\n",
        "apiVersion: v1",
        "apiVersion: v1\r\nkind: Config\r\n",
        "clusters: []\ncontexts: null\nusers:\ncurrent-context: \"\"\n",
        "clusters: [] # none\ncontexts:   ~  # \"none\"\n# so\nusers:\n  # nobody\n\ncurrent-context:   '' # that's nothing",
        "apiVersion: v1\nclusters:\n- cluster: {server: \"https://a\"}\n  name: a\ncontexts: []\nusers: []\ncurrent-context: a",
    ] {
        there_and_back(old);
    }
}

#[test]
fn the_current_context_stays_the_users() {
    let old = "current-context: work\nusers: []\n";
    assert!(there_and_back(old).starts_with("current-context: work\n"));
    let theirs = "current-context: kind-fgm-a  # chosen\nclusters: # all\n- name: \"kind-fgm-a\"\n  cluster: {}\n";
    assert_eq!(without(theirs, NAME).unwrap(), "current-context: \"\"  # chosen\nclusters: [] # all\n");
}

#[test]
fn several_worktrees_come_and_go_in_any_order() {
    let old = "clusters: []\nusers:\n  - name: kind-fgm\n    user: {token: x}\n  # the end\n";
    let both = merged(&merged(old, &entries(NAME)).unwrap(), &entries("kind-fgm-a-2")).unwrap();
    for [first, second] in [[NAME, "kind-fgm-a-2"], ["kind-fgm-a-2", NAME]] {
        assert_eq!(without(&without(&both, first).unwrap(), second).unwrap(), old);
    }
}

#[test]
fn an_entry_is_replaced_where_it_stands() {
    let old = "users:\n  -\n    # old\n    user: {token: old}\n    name: 'kind-fgm-a' # ours\n  # of z\n  - name: z\n    user: {}\n";
    let new = merged(old, &entries(NAME)).unwrap();
    let user = "users:\n  - name: kind-fgm-a\n    user:\n      client-certificate-data: Q0VSVA==\n      client-key-data: \"S0VZ\"\n  # of z\n  - name: z\n";
    assert!(new.starts_with(user), "{new}");
}

#[test]
fn a_form_that_is_not_known_is_refused() {
    for old in [
        "{\"clusters\": []}",
        "clusters: [{name: a, cluster: {}}]\n",
        "clusters:\n- {name: a, cluster: {}}\n",
        "clusters: &all\n- name: a\n",
        "clusters:\n- name: &one a\n",
        "clusters:\n- cluster: {}\n",
        "clusters:\n- name: |\n    a\n",
        "clusters:\n- name: a\n  cluster:\n\t  server: b\n",
        "\tclusters: []\n",
        "\"clusters\": []\n",
        "? clusters\n: []\n",
        "a: b\n---\nc: d\n",
        "- a\n",
        "clusters: {}\n",
        "clusters: []\nclusters: []\n",
        "clusters: !!seq []\n",
        "current-context: >\n  a\nfoo: 'x\nclusters: y'\n",
        "preferences: |\n a\n# b\nfoo: [\nusers: [],\n]\n",
    ] {
        assert!(merged(old, &entries(NAME)).is_err(), "{old}");
    }
}

#[test]
fn a_refused_file_is_told_with_the_way_around_it_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "{\"clusters\": [{\"name\": \"kind-fgm-a\"}]}").unwrap();
    let told = put(&file, &of_kind(NAME), NAME).unwrap_err().to_string();
    assert!(
        told.contains("stays as it is (line 1 has a form that fgmctl does not edit): `export KUBECONFIG="),
        "{told}"
    );
    let told = remove(&file, NAME).unwrap_err().to_string();
    assert!(told.contains("`kubectl config delete-context kind-fgm-a`"), "{told}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with('{'));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no lock and nothing half-written is left");
}

#[test]
fn a_file_keeps_its_permissions_and_its_link() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("real"), directory.path().join("link"));
    std::fs::write(&file, "users: []\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    put(&link, &of_kind(NAME), NAME).unwrap();
    assert!(link.is_symlink() && std::fs::read_to_string(&file).unwrap().contains(NAME));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_file_that_is_new_is_private_and_goes_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(".kube/config");
    remove(&file, NAME).unwrap();
    put(&file, &of_kind(NAME), NAME).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    remove(&file, NAME).unwrap();
    assert!(!file.exists());
}

#[test]
fn writers_at_the_same_moment_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let names: Vec<String> = (0..8).map(|number| format!("kind-fgm-{number}")).collect();
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| put(&file, &of_kind(name), name).unwrap());
        }
    });
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(names.iter().all(|name| text.matches(&format!("user: {name}")).count() == 1), "{text}");
}

/// An item with everything that could be taken for something else.
fn item(list: List) -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![
        "[a-z]{1,8}",
        "[a-z0-9]{1,3}@[a-z]{2,9}:6443".prop_map(|text| format!("\"{text}\"")),
        Just("'it'".into())
    ];
    let part = list.part();
    let bodies = prop_oneof![
        Just(vec![format!("{part}: {{}}")]),
        Just(vec![format!("{part}:"), "  server: https://10.0.0.1 # here".into(), "  name: kind-fgm-a".into()]),
        Just(vec![
            format!("{part}:"),
            "  exec:".into(),
            "    args:".into(),
            "    - name: kind-fgm-a".into(),
            "    # - b".into()
        ]),
        Just(vec![format!("{part}:"), "  text: |".into(), "    name: kind-fgm-a".into(), "    - x".into()]),
        Just(vec![format!("{part}:"), "  # a key".into(), String::new(), "  token: \"a # b: 'c'\"".into()]),
    ];
    (name, bodies, any::<bool>(), "( # [a-z ]{0,5})?").prop_map(|(name, body, name_first, comment)| {
        let name = vec![format!("name: {name}{comment}")];
        if name_first { [name, body].concat() } else { [body, name].concat() }
    })
}

fn list(list: List) -> impl Strategy<Value = Vec<String>> {
    let empty = prop_oneof![Just(" []"), Just(" null"), Just(""), Just(" ~"), Just(" [] # none"), Just("  # none")];
    let empty = empty.prop_map(move |value| vec![format!("{}:{value}", list.key())]);
    let items =
        prop::collection::vec((item(list), prop_oneof![Just(None), Just(Some("")), Just(Some("# next"))]), 1..4);
    let full =
        (items, prop_oneof![Just(0usize), Just(2), Just(4)], 1..4usize).prop_map(move |(items, indentation, gap)| {
            let mut lines = vec![format!("{}:", list.key())];
            for (item, before) in items {
                lines.extend(before.map(str::to_owned));
                for (at, line) in item.into_iter().enumerate() {
                    let dash = if at == 0 { '-' } else { ' ' };
                    lines.push(format!("{:indentation$}{dash}{:gap$}{line}", "", ""));
                }
            }
            lines
        });
    prop_oneof![1 => Just(Vec::new()), 2 => empty, 5 => full]
}

fn kubeconfig() -> impl Strategy<Value = String> {
    let current = prop_oneof![
        Just(""),
        Just("current-context: \"\""),
        Just("current-context: work # b"),
        Just("current-context:")
    ];
    let head = prop_oneof![
        Just(""),
        Just("# my file\napiVersion: v1"),
        Just("---\napiVersion: v1\nkind: Config\npreferences: {}")
    ];
    let section = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let sections = (list(List::Clusters), list(List::Contexts), list(List::Users), current.prop_map(section));
    let sections = sections.prop_map(|(clusters, contexts, users, current)| vec![clusters, contexts, users, current]);
    let ends = prop_oneof![Just("\n"), Just("\r\n")];
    let tails = prop_oneof![Just(""), Just("\n"), Just("\n\n"), Just("\n# the end"), Just("\n  ")];
    (head, sections.prop_shuffle(), ends, tails).prop_map(move |(head, sections, end, tail)| {
        let lines = [section(head), sections.concat()].concat();
        if lines.is_empty() { String::new() } else { lines.join("\n").replace('\n', end) + &tail.replace('\n', end) }
    })
}

proptest! {
    #[test]
    fn what_was_put_and_removed_leaves_every_byte(old in kubeconfig()) {
        let new = there_and_back(&old);
        // Every old line is there, in its order, but for the heads of lists that were empty.
        let mut lines = new.lines();
        for line in old.lines().filter(|line| !line.contains("s:") && !line.starts_with(CURRENT)) {
            prop_assert!(lines.any(|new| new == line), "{line} in {new}");
        }
    }

    #[test]
    fn no_text_panics(text in "(\\PC|[\n:#'\" -]|clusters:|\\[\\]|- name: kind-fgm-a\n){0,40}") {
        if let Ok(new) = merged(&text, &entries(NAME)) {
            prop_assert!(without(&new, NAME).is_ok());
        }
        let _ = without(&text, NAME);
    }
}

#[test]
fn what_is_no_yaml_is_told_in_a_line() {
    let told = merged("clusters:\n- name: a\n  cluster:\n\t  server: b\n", &entries(NAME)).unwrap_err();
    let told = told.to_string();
    assert!(told.starts_with("it is not YAML: line 4 column 4: ") && told.lines().count() == 1, "{told}");
}
