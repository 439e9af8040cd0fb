//! The steps, in the order in which they are taken.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::ground::{self, WORKLOAD_IMAGE, must};
use crate::user::{User, eventually};

const AGENTS: &str = "app.kubernetes.io/name=fine-grained-monitor";

pub(crate) fn deploy(user: &User) {
    let cluster = user.watch(&user.alpha);
    let exists = must(30, Command::new("kind").args(["get", "clusters"]));
    assert!(!exists.lines().any(|line| line == cluster), "{cluster} is there already: destroy it first");
    let words = user.deploy_words(&user.alpha);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let deployed = user.json(&user.alpha, &words);
    assert_eq!(deployed["nodes"], 1, "{deployed}");
    user.note("cluster", cluster.clone());
    user.note("context", deployed["context"].as_str().unwrap());
    // Again, with nothing changed.
    assert_eq!(user.json(&user.alpha, &words)["revision"], deployed["revision"]);
    must(120, Command::new("kind").args(["load", "docker-image", WORKLOAD_IMAGE, "--name", &cluster]));
}

pub(crate) fn kubeconfig(user: &User) {
    let (now, before) = (user.kubeconfig(), user.kubeconfig_before());
    // Every line of before is there, in the same order.
    let mut lines = now.lines();
    for line in before.lines() {
        assert!(lines.any(|found| found == line), "{line} is missing in {now}");
    }
    let mut contexts = Command::new("kubectl");
    contexts.args(["config", "get-contexts", "--output", "name"]).env("HOME", user.home());
    let names = must(30, &contexts);
    let names: std::collections::BTreeSet<&str> = names.lines().collect();
    assert_eq!(names, ["work", &user.noted("context")].into());
    assert!(now.contains("current-context: work\n"), "the user's own choice stays");
    let mut nodes = Command::new("kubectl");
    nodes.args(["--context", &user.noted("context"), "get", "nodes", "--output", "name"]).env("HOME", user.home());
    assert!(must(30, &nodes).starts_with("node/fgm-"));
}

pub(crate) fn workloads(user: &User) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kind/workloads.yaml");
    // Pods are refused until the new namespace has its service account.
    eventually("the workloads to be taken", || {
        let mut apply = user.kubectl(&user.alpha, &["apply", "-f", file.to_str().unwrap()]);
        apply.status().unwrap().success().then_some(())
    });
    let url = user.json(&user.alpha, &["cluster", "viewer", "start"])["url"].as_str().unwrap().to_owned();
    let ask = |path: &str| user.ask(&format!("{url}{path}"));

    // Its first second may hold one period before the loop began and one throttled, hence the wait for more than half.
    eventually("the throttled container by its names, throttled in most periods", || {
        let top = ask("api/top?metric=cpu_throttled_percent&range=5m")?;
        let burner =
            first(&top, "entries", &[("pod", "burner"), ("container_name", "burn"), ("namespace", "fgm-e2e")])?;
        burner["max"].as_f64().filter(|&max| max > 50.0)
    });
    let killed = eventually("the OOM kill", || {
        let events = ask("api/events?kind=oom_kill&namespace=fgm-e2e")?;
        first(&events, "events", &[("pod", "leaker"), ("container", "leak")])
    });
    assert_eq!(killed["namespace"], "fgm-e2e", "{killed}");
    let stopped = eventually("the end of a pod of one second, with its totals", || {
        let events = ask("api/events?kind=container_stop&namespace=fgm-e2e")?;
        let ends = events["events"].as_array()?.clone();
        ends.into_iter().find(|end| {
            let of_job = end["pod"].as_str().is_some_and(|pod| pod.starts_with("brief-"));
            of_job && end["container"] == "second" && end["cpu_usage_usec"].as_i64().is_some_and(|used| used > 50_000)
        })
    });
    assert!(stopped["cpu_usage_usec"].as_i64().unwrap() < 10_000_000, "{stopped}");
    user.note("url", url);
}

/// Whether the viewer answers soon enough.
fn is_healthy(user: &User) -> Option<()> {
    (user.json(&user.alpha, &["cluster", "status"])["viewer"]["healthy"] == true).then_some(())
}

/// Until a worktree's cluster is this way, its status; with two clusters on two CPUs an API server may take long to answer.
fn until_state(user: &User, top: &Path, state: &str) -> Value {
    eventually(state, || Some(user.json(top, &["cluster", "status"])).filter(|status| status["state"] == state))
}

/// What an agent tells of itself.
fn health(user: &User, url: &str) -> Value {
    eventually("its health", || user.ask(&format!("{url}api/health")))
}

/// The first of a list whose fields are these.
fn first(answer: &Value, list: &str, fields: &[(&str, &str)]) -> Option<Value> {
    let found = answer[list].as_array()?.iter().find(|one| fields.iter().all(|(name, value)| one[*name] == **value));
    found.cloned()
}

pub(crate) fn agent_deleted(user: &User) {
    let url = user.noted("url");
    let run_id = |health: &Value| health["run_id"].as_str().unwrap().to_owned();
    let before = run_id(&health(user, &url));
    let metric = "api/timeseries?metric=cpu_usage_usec&pod=burner&points=all";
    let recorded = eventually("rows of the burner", || {
        let answer = user.ask(&format!("{url}{metric}&range=2m"))?;
        Some(times(&answer)).filter(|times| times.len() >= 5)
    });
    must(120, &user.kubectl(&user.alpha, &["delete", "pods", "-n", "fine-grained-monitor", "-l", AGENTS]));
    let after = eventually("the forward to lead to the next agent", || {
        user.ask(&format!("{url}api/health")).map(|health| run_id(&health)).filter(|now| *now != before)
    });
    assert_ne!(before, after);
    let kept = eventually("what was recorded before", || {
        let answer = user.ask(&format!("{url}{metric}&range=10m"))?;
        let now = times(&answer);
        recorded.iter().all(|time| now.contains(time)).then_some(now)
    });
    assert!(kept.len() >= recorded.len());
    eventually("a healthy viewer", || is_healthy(user));
}

/// The times of all points of the container that burns CPU. Not of its pod's sandbox, which is told from a container only when it
/// is two seconds old and is hidden from then on, so that an answer right after the start may have its points and a later one not.
fn times(answer: &Value) -> Vec<String> {
    let series = answer["series"].as_array().cloned().unwrap_or_default();
    series
        .iter()
        .filter(|one| one["container_name"] == "burn")
        .flat_map(|one| one["t"].as_array().cloned().unwrap_or_default())
        .map(|time| time.to_string())
        .collect()
}

pub(crate) fn second_worktree(user: &User) {
    let cluster = user.watch(&user.beta);
    let words = user.deploy_words(&user.beta);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    user.must(&user.beta, &words);
    let (one, other) = (until_state(user, &user.alpha, "ready"), until_state(user, &user.beta, "ready"));
    for field in ["cluster", "context", "api_port"] {
        assert_ne!(one[field], other[field], "{field}");
    }
    let url = user.json(&user.beta, &["cluster", "viewer", "start"])["url"].as_str().unwrap().to_owned();
    assert_ne!(url, user.noted("url"));
    let nodes = |url: &str| health(user, url)["node"].as_str().unwrap().to_owned();
    assert!(nodes(&url).starts_with(&cluster));
    assert!(nodes(&user.noted("url")).starts_with(&user.noted("cluster")));
    let listed = user.json(&user.beta, &["cluster", "list"]);
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["cluster"].as_str().unwrap()).collect();
    assert!(names.contains(&&*cluster) && names.contains(&&*user.noted("cluster")), "{names:?}");
    // It goes, and the first one does not notice.
    user.must(&user.beta, &["cluster", "destroy"]);
    until_state(user, &user.alpha, "ready");
    assert!(!user.kubeconfig().contains(&cluster));
}

pub(crate) fn mcp(user: &User) {
    std::fs::write(user.alpha.join(".mcp.json"), "{\"mcpServers\": {\"mine\": {\"command\": \"true\"}}}\n").unwrap();
    user.must(&user.alpha, &["cluster", "mcp", "setup", "--role", "edit"]);
    let cluster = user.noted("cluster");
    let name = cluster.strip_prefix("fgm-").unwrap();
    let kubeconfig = user.home().join(format!(".kube/mcp-fgm-{name}.kubeconfig"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&kubeconfig).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let servers: Value = serde_json::from_slice(&std::fs::read(user.alpha.join(".mcp.json")).unwrap()).unwrap();
    let servers = servers["mcpServers"].as_object().unwrap();
    assert_eq!(
        servers.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        ["fgm", "kubernetes", "mine"].into()
    );
    let python = std::env::var("FGM_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut call = Command::new(python);
    call.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kind/mcp_call.py"));
    call.args([kubeconfig.as_os_str(), "fgm-e2e".as_ref(), WORKLOAD_IMAGE.as_ref()]);
    eprintln!("{}", must(240, &call));
    let url = user.json(&user.alpha, &["cluster", "mcp", "start"])["url"].as_str().unwrap().to_owned();
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let mut post = Command::new("curl");
    post.args([
        "--silent",
        "--fail",
        "--max-time",
        "30",
        "--data",
        request,
        "--header",
        "Content-Type: application/json",
    ]);
    post.args(["--header", "Accept: application/json, text/event-stream", &format!("{url}mcp")]);
    assert!(must(60, &post).contains("summarize_container"));
    user.must(&user.alpha, &["cluster", "mcp", "stop"]);
    assert!(user.ask(&format!("{url}api/health")).is_none());
}

pub(crate) fn inside(user: &User) {
    let log = user.must(&user.alpha, &["cluster", "logs", "--tail", "50"]);
    assert!(log.contains("sampling"), "{log}");
    let version = user.must(&user.alpha, &["cluster", "exec", "--", "/fgm-agent", "--version"]);
    assert!(version.starts_with("fgm-agent "), "{version}");
    let (code, _) = user.fails(&user.fgmctl(&user.alpha, &["cluster", "exec", "--", "/fgm-agent", "--no-such-flag"]));
    assert_eq!(code, Some(2), "the program's own exit code");
    let copied = user.json(&user.alpha, &["cluster", "cp-data"]);
    let to = Path::new(copied["to"].as_str().unwrap());
    assert!(to.join("containers").is_dir() && copied["files"].as_u64().unwrap() > 0, "{copied}");
    let mut check = Command::new(ground::agent_program());
    check.args(["check", "--data"]).arg(to);
    must(60, &check);
}

pub(crate) fn full_disk(user: &User) {
    // A stand-in for kind that has no room when it loads; everything else is the real one's.
    let bin = tempfile::tempdir().unwrap();
    let real = must(5, Command::new("sh").args(["-c", "command -v kind"]));
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = load ] && {{ echo 'ERROR: write /blobs/x: no space left on device' >&2; exit 1; }}\nexec {} \"$@\"\n",
        real.trim()
    );
    let path = bin.path().join("kind");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let words = user.deploy_words(&user.alpha);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut deploy = user.fgmctl(&user.alpha, &words);
    deploy.env("PATH", format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap()));
    let (code, sentence) = user.fails(&deploy);
    assert_eq!(code, Some(1));
    assert!(sentence.contains("the disk is full") && sentence.contains("docker system prune"), "{sentence}");
    eventually("a healthy viewer", || is_healthy(user));
}

pub(crate) fn failed_rollout(user: &User) {
    // A program that tells a revision like an agent, and then fails like none.
    let directory = tempfile::tempdir().unwrap();
    let (source, program) = (directory.path().join("broken.c"), directory.path().join("fgm-agent"));
    let text = "#include <stdio.h>\nint main(int n, char **a) { if (n > 1 && a[1][2] == 'v') { puts(\"fgm-agent 0 (broken)\"); \
                return 0; } fputs(\"this agent was made to fail\\n\", stderr); return 7; }\n";
    std::fs::write(&source, text).unwrap();
    must(60, Command::new("cc").arg("-static").arg("-o").arg(&program).arg(&source));
    let words = ["cluster", "deploy", "--profile", "process", "--program", program.to_str().unwrap()];
    let (code, said) = user.fails(&user.fgmctl(&user.alpha, &words));
    assert_eq!(code, Some(1), "{said}");
    for part in ["CrashLoopBackOff", "this agent was made to fail", "the cluster stays as it is"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    until_state(user, &user.alpha, "ready");
    // And back to one that works.
    let words = user.deploy_words(&user.alpha);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    user.must(&user.alpha, &words);
    eventually("the forward to lead to the agent that works", || user.ask(&format!("{}api/health", user.noted("url"))));
}

pub(crate) fn half_made(user: &User) {
    // As a crash between kind and us leaves it: the cluster runs, and nobody wrote down whose it is.
    must(60, &user.kubectl(&user.alpha, &["delete", "configmap", "fgmctl-owner", "-n", "kube-system"]));
    let (code, sentence) = user.fails(&user.fgmctl(&user.alpha, &["cluster", "deploy"]));
    assert_eq!(code, Some(1), "{sentence}");
    assert!(sentence.contains("half made") && sentence.contains("--recreate"), "{sentence}");
    until_state(user, &user.alpha, "broken");
    user.must(&user.alpha, &["cluster", "create", "--recreate"]);
    until_state(user, &user.alpha, "ready");
}

pub(crate) fn destroy(user: &User) {
    user.must(&user.alpha, &["cluster", "destroy"]);
    let cluster = user.noted("cluster");
    let label = format!("label=io.x-k8s.kind.cluster={cluster}");
    let mut containers = Command::new("docker");
    containers.args(["ps", "--all", "--quiet", "--filter", &label]);
    assert_eq!(must(30, &containers), "");
    assert_eq!(user.kubeconfig(), user.kubeconfig_before(), "byte for byte");
    assert!(user.ask(&format!("{}api/health", user.noted("url"))).is_none(), "the forward ended");
    let left: Vec<String> = std::fs::read_dir(user.home().join(".kube"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // kubectl's own, of when the steps called it.
        .filter(|name| name != "cache")
        .collect();
    assert_eq!(left, ["config"]);
    let left: Vec<String> = std::fs::read_dir(user.alpha.join(".fgm"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["data", "lock"].contains(&name.as_str()))
        .collect();
    assert_eq!(left, [""; 0], "what was copied stays");
    let servers = std::fs::read_to_string(user.alpha.join(".mcp.json")).unwrap();
    assert!(servers.contains("mine") && !servers.contains("kubernetes-mcp-server"), "{servers}");
    std::fs::remove_file(user.alpha.join(".mcp.json")).unwrap();
    std::fs::remove_dir_all(user.alpha.join(".fgm")).unwrap();
}
