//! From changed code to an agent that answers: build, load, apply, wait, ask.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::apps::v1::DaemonSet;
use kube::api::{DynamicObject, LogParams};
use kube::{Api, Client};
use serde::Serialize;

use crate::args::{Deploy, Target};
use crate::cluster::kubernetes::{self, DAEMON_SET, NAMESPACE};
use crate::cluster::{create, forward, kind};
use crate::failure;
use crate::http;
use crate::invocation::Invocation;
use crate::mode::Mode;
use crate::revision;
use crate::runner::tell;
use crate::session::Session;
use crate::worktree::Door;

/// How long the pods may take; the agent's startup probe gives it two minutes.
const ROLLOUT_PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(250);
/// The last lines of a log that are shown of a pod that fails.
const LOG_LINES: i64 = 20;

/// What was deployed.
#[derive(Serialize)]
struct Deployed {
    cluster: String,
    context: String,
    image: String,
    revision: String,
    nodes: usize,
    next: String,
}

/// Deploys this worktree's agent, on every node.
pub(crate) async fn deploy(session: &Session, options: &Deploy) -> Result<()> {
    create::create(session, &options.create).await?;
    let revision = build(session, options).await?;
    load(session).await?;
    let image_id = image_id(session).await?;
    let manifests = render(session, options, &revision, &image_id).await?;
    let runner = &session.runner;
    if runner.is_dry() {
        runner.plan("# applies these manifests by the server, as the field manager fgmctl");
        runner.plan(&format!("# waits until every pod of {DAEMON_SET} runs this image and is ready, at most 180 s"));
        runner.plan(&format!("# asks each agent's /api/status, which must name the revision {revision}"));
        return Ok(());
    }
    let client = kubernetes::client_of(session).await?;
    runner.doing("applying", "", kubernetes::apply(&client, &manifests)).await?;
    if let Err(error) = runner.doing("waiting for the new pods", "", rollout(&client)).await {
        if !failure::is_interruption(&error) {
            explain(&client).await;
        }
        return Err(error.context("the agent was applied, and does not run; the cluster stays as it is"));
    }
    let nodes = runner.doing("asking the new build", "", prove(&client, &revision)).await?;
    let viewer = forward::running(session, Door::ClusterViewer).await?;
    let next = viewer.map_or("fgmctl cluster viewer start".to_owned(), |viewer| viewer.url);
    let worktree = &session.worktree;
    let (cluster, context, image) = (worktree.cluster(), worktree.context(), worktree.image());
    let deployed = Deployed { cluster, context, image, revision, nodes, next };
    session.answer(&deployed, |deployed| {
        format!(
            "{} runs on {} node(s) of {}\n  look at it: {}",
            deployed.revision, deployed.nodes, deployed.cluster, deployed.next
        )
    })
}

/// Builds the image and gives the revision that its agent will tell.
async fn build(session: &Session, options: &Deploy) -> Result<String> {
    let (worktree, runner) = (&session.worktree, &session.runner);
    if let Some(program) = &options.program {
        let call = Invocation::here("k8s/build-image").arg(worktree.image()).arg(std::path::absolute(program)?);
        runner.act("making the image", &call.dir(&worktree.top)).await?;
        let version = runner.read(&Invocation::here(std::path::absolute(program)?).arg("--version")).await?;
        return revision::told(&version).context("the program does not tell its revision: is it an fgm-agent?");
    }
    let revision = revision::of(session).await?;
    let call = if options.in_docker || cfg!(target_os = "macos") {
        let revision = format!("FGM_GIT_REVISION={revision}");
        let words =
            ["build", "--file", "k8s/Dockerfile.in-docker", "--build-arg", &revision, "--tag", &worktree.image(), "."];
        Invocation::here("docker").args(words)
    } else {
        Invocation::here("k8s/build-image").arg(worktree.image()).env("FGM_GIT_REVISION", &revision)
    };
    runner.act("building the agent and its image", &call.dir(&worktree.top)).await?;
    Ok(revision)
}

/// Puts the image on every node.
async fn load(session: &Session) -> Result<()> {
    let (worktree, runner) = (&session.worktree, &session.runner);
    if session.mode == Mode::Vm {
        let way_in = Invocation::at_cluster("docker").arg("load").line(&session.mode.way_in());
        let pipe = format!("docker save {} | {way_in}", worktree.image());
        runner
            .act("taking the image into the VM", &Invocation::here("bash").args(["-o", "pipefail", "-c", &pipe]))
            .await?;
    }
    let call = kind::kind().args(["load", "docker-image", &worktree.image(), "--name", &worktree.cluster()]);
    runner.act("loading the image into the cluster", &call).await.map(drop)
}

async fn image_id(session: &Session) -> Result<String> {
    if session.runner.is_dry() {
        return Ok("IMAGE_ID".to_owned());
    }
    let call = kind::docker().args(["image", "inspect", "--format", "{{.Id}}", &session.worktree.image()]);
    Ok(session.runner.read(&call).await?.trim().to_owned())
}

/// The manifests of the profile with what is this worktree's own, as kustomize makes them.
async fn render(session: &Session, options: &Deploy, revision: &str, image_id: &str) -> Result<Vec<DynamicObject>> {
    let overlay = session.worktree.state().join("overlay");
    let text = overlay_text(session, options, revision, image_id);
    let call = Invocation::here("kubectl").arg("kustomize").arg(&overlay);
    if session.runner.is_dry() {
        session.runner.plan(&format!(
            "cat > {}/kustomization.yaml <<'END'\n{}\nEND",
            overlay.display(),
            text.trim_end()
        ));
        session.runner.plan(&call.line(&[]));
        return Ok(Vec::new());
    }
    write_overlay(&overlay, &text)?;
    let manifests = session.runner.read(&call).await?;
    let objects: Vec<DynamicObject> =
        serde_saphyr::from_multiple(&manifests).context("kustomize printed no manifests")?;
    Ok(in_order(objects))
}

fn write_overlay(overlay: &Path, text: &str) -> Result<()> {
    std::fs::create_dir_all(overlay).with_context(|| overlay.display().to_string())?;
    let path = overlay.join("kustomization.yaml");
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

/// The namespace first, for everything else is in it.
fn in_order(mut objects: Vec<DynamicObject>) -> Vec<DynamicObject> {
    objects.sort_by_key(|object| match object.types.as_ref().map(|types| types.kind.as_str()) {
        Some("Namespace") => 0,
        Some("ServiceAccount" | "ClusterRole") => 1,
        Some("DaemonSet") => 3,
        _ => 2,
    });
    objects
}

fn overlay_text(session: &Session, options: &Deploy, revision: &str, image_id: &str) -> String {
    let worktree = &session.worktree;
    format!(
        "# Written anew by each `fgmctl cluster deploy`: a profile with what is this worktree's own.\n\
         apiVersion: kustomize.config.k8s.io/v1beta1\n\
         kind: Kustomization\n\
         resources:\n\
         - ../../k8s/overlays/kind-{profile}\n\
         components:\n\
         - ../../k8s/components/worktree\n\
         configMapGenerator:\n\
         - name: fgm-worktree\n\
         \x20 literals: ['worktree={name}', 'image={image}', 'revision={revision}']\n\
         \x20 options:\n\
         \x20   annotations: {{config.kubernetes.io/local-config: \"true\"}}\n\
         patches:\n\
         # Another image of the same name makes new pods.\n\
         - target: {{kind: DaemonSet, name: {DAEMON_SET}}}\n\
         \x20 patch: |\n\
         \x20   - op: add\n\
         \x20     path: /spec/template/metadata/annotations/fine-grained-monitor~1image-id\n\
         \x20     value: '{image_id}'\n",
        profile = options.profile.word(),
        name = worktree.name,
        image = worktree.image(),
    )
}

/// Waits until every node has a ready pod of the newest template.
async fn rollout(client: &Client) -> Result<()> {
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), NAMESPACE);
    let begun = Instant::now();
    loop {
        let set = sets.get(DAEMON_SET).await?;
        if is_rolled_out(&set) {
            return Ok(());
        }
        let generation = set.metadata.generation;
        for pod in kubernetes::all_agents(client).await? {
            kubernetes::remove_if_ended(client, &pod).await?;
            let is_new = pod.metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-generation"));
            let is_new = is_new.and_then(|text| text.parse().ok()) == generation;
            if let Some(trouble) = kubernetes::trouble_of(&pod).filter(|_| is_new && !kubernetes::is_leaving(&pod)) {
                bail!("{} on {}: {trouble}", kubernetes::name_of(&pod), kubernetes::node_of(&pod));
            }
        }
        if begun.elapsed() > ROLLOUT_PATIENCE {
            bail!("not every pod was ready after {} s", ROLLOUT_PATIENCE.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_rolled_out(set: &DaemonSet) -> bool {
    let Some(status) = &set.status else { return false };
    let wanted = status.desired_number_scheduled;
    let seen = status.observed_generation >= set.metadata.generation;
    seen && wanted > 0
        && status.updated_number_scheduled == Some(wanted)
        && status.number_ready == wanted
        && status.number_unavailable.unwrap_or(0) == 0
}

/// What the pods that are not ready have to tell.
async fn explain(client: &Client) {
    let pods = kubernetes::agents(client).await.unwrap_or_default();
    for pod in pods.iter().filter(|pod| !kubernetes::is_ready(pod)) {
        let name = kubernetes::name_of(pod);
        tell(&format!("\n{name} on {}:", kubernetes::node_of(pod)));
        for event in kubernetes::events_of(client, name).await.unwrap_or_default() {
            tell(&format!("  {event}"));
        }
        for previous in [true, false] {
            let wanted = LogParams { tail_lines: Some(LOG_LINES), previous, ..LogParams::default() };
            let _ = kubernetes::log_lines(client, name, &wanted, |line| tell(&format!("  | {line}"))).await;
        }
    }
}

/// Every agent answers, and is the new build; how many there are.
async fn prove(client: &Client, revision: &str) -> Result<usize> {
    let pods = kubernetes::agents(client).await?;
    for pod in &pods {
        let target = Target { pod: Some(kubernetes::name_of(pod).to_owned()), node: None };
        let stream = forward::stream_to(client, &kubernetes::agent(client, &target).await?).await?;
        let status = http::json_over(stream, "/api/status").await?;
        let told = status.pointer("/agent/revision").and_then(serde_json::Value::as_str).unwrap_or("nothing");
        if told != revision {
            bail!("{} runs {told}, not {revision}", kubernetes::name_of(pod));
        }
    }
    Ok(pods.len())
}

/// Where the data of a node's agent is copied to.
pub(crate) fn copied_data(session: &Session, node: &str) -> PathBuf {
    session.worktree.state().join("data").join(node)
}
