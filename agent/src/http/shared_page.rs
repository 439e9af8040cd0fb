//! A part of a recording as one page: the viewer with the answers that the view needs inside it, so that it asks nobody.
//!
//! The answers are those of the API itself, which is asked here without a socket. The form of the element that holds them is
//! `agent/ui/src/data/embedded.ts`'s; the viewer makes the same pages itself.

use axum::body::Body;
use axum::http::{Request, header};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Map, Value, json};

use crate::export::ExportView;
use crate::http::Http;
use crate::http::viewer;
use crate::rfc3339;
use crate::service::link::Link;
use crate::service::question::TimeRange;

/// The largest answer that becomes a part of a page.
const MAX_REPLY_BYTES: usize = 256 << 20;
/// How many containers are shown where none is named.
const USUAL_CONTAINERS: &str = "10";
/// Points of all lines together, and at most of one: finer than a screen, so that zooming shows more.
const MOST_POINTS: usize = 400_000;
const POINTS_PER_LINE: usize = 4_000;
const LEAST_POINTS: usize = 200;
/// Points of a limit, which seldom changes.
const LIMIT_POINTS: usize = 120;
/// The metrics of limits; the viewer draws the one that belongs to a panel.
const LIMITS: [&str; 4] = ["cpu_limit_cores", "memory_max_bytes", "memory_swap_max_bytes", "pids_max"];
/// What happens to the agent rather than to a container.
const OF_THE_AGENT: &str = "agent_start,agent_stop,missed_ticks,reads_shed,reads_resumed,budget_change,clock_step";
const MOST_EVENTS: &str = "1000";
/// Tables without containers.
const OF_THE_NODE: [&str; 2] = ["node.", "disks."];

type Pairs<'a> = Vec<(&'a str, String)>;

/// What is shown, once it is known that all of it is there.
struct Shown {
    range: TimeRange,
    panels: Vec<String>,
    ids: Vec<String>,
    /// What is known of each of them.
    containers: Vec<Value>,
    studies: Vec<String>,
}

impl Http {
    /// The page of a view.
    ///
    /// # Errors
    /// A sentence: the program carries no viewer, or the view asks for what is not there.
    pub async fn shared_page(&self, view: &ExportView) -> Result<String, String> {
        let (script, styles) = viewer::script_and_styles().ok_or(
            "this program was built without the viewer: build it with the feature `ui`, which is on by default",
        )?;
        let shown = self.shown(view).await?;
        let replies = self.replies(&shown).await?;
        let link = Link {
            range: shown.range,
            metrics: shown.panels.iter().map(String::as_str).collect(),
            containers: shown.ids.iter().map(String::as_str).collect(),
            studies: shown.studies.iter().map(String::as_str).collect(),
        };
        let to = millis(shown.range.to);
        let content = json!({
            "version": 1, "from": millis(shown.range.from), "to": to, "now": to,
            "view": link.to_string().trim_start_matches('/'), "replies": replies,
        });
        Ok(page(&content.to_string(), &script, &styles))
    }

    async fn shown(&self, view: &ExportView) -> Result<Shown, String> {
        let mut parts = Parts::of(view);
        let recorded = self.ask("/api/instance", &[]).await?;
        let edge =
            |name: &str| recorded.pointer(&format!("/recorded/{name}")).and_then(Value::as_str).map(str::to_owned);
        let from = parts.from.take().or_else(|| edge("from")).ok_or("nothing is recorded here")?;
        let to = parts.to.take().or_else(|| edge("to")).ok_or("nothing is recorded here")?;
        let first = parts.panels.first().cloned().ok_or("name at least one metric with --panels")?;
        let range = vec![("from", from), ("to", to)];
        let by_container = parts.panels.iter().any(|metric| !is_of_node(metric));
        if parts.containers.is_empty() && by_container {
            let first = parts.panels.iter().find(|metric| !is_of_node(metric)).cloned().unwrap_or(first);
            let asked = [("metric", first), ("limit", USUAL_CONTAINERS.to_owned())];
            let top = self.ask("/api/top", &[&asked[..], &range].concat()).await?;
            parts.containers = texts(&top, "entries", "container");
        }
        let mut containers = Vec::new();
        for id in &parts.containers {
            containers.push(self.container(id).await?);
        }
        let ids = || containers.iter().filter_map(|known| known["id"].as_str()).map(str::to_owned);
        // The answer about the range is what it comes to, whatever words it was asked in.
        let metric = parts.panels.first().cloned().unwrap_or_default();
        let mut asked = vec![("metric", metric.clone()), ("points", "1".to_owned())];
        asked.extend(ids().next().filter(|_| !is_of_node(&metric)).map(|id| ("container", id)));
        let series = self.ask("/api/timeseries", &[asked, range].concat()).await?;
        let micros = |name: &str| series[name].as_i64().map(|ms| ms * 1_000).ok_or("the range is not known");
        let range = TimeRange { from: micros("from")?, to: micros("to")? };
        Ok(Shown { range, panels: parts.panels, ids: ids().collect(), containers, studies: parts.studies })
    }

    /// What is known of the one container whose id begins so.
    async fn container(&self, id: &str) -> Result<Value, String> {
        let found = self.ask("/api/containers", &[("search", id.to_owned())]).await?;
        let known = found["containers"].as_array().cloned().unwrap_or_default();
        let is_meant = |one: &Value| one["id"].as_str().is_some_and(|known| known.starts_with(id));
        let mut meant = known.into_iter().filter(is_meant);
        match (meant.next(), meant.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(format!("the ids of several containers begin with {id}: give more of it")),
            (None, _) => Err(format!("no container {id} is recorded here: name others with --containers")),
        }
    }

    async fn replies(&self, shown: &Shown) -> Result<Map<String, Value>, String> {
        let mut replies = Map::new();
        let mut keep = |path: &str, pairs: &[(&str, String)], reply: Value| replies.insert(key(path, pairs), reply);
        let mut instance = self.ask("/api/instance", &[]).await?;
        instance["recorded"] = json!({
            "from": rfc3339::format_seconds(shown.range.from), "to": rfc3339::format_seconds(shown.range.to),
        });
        keep("/api/instance", &[], instance);
        keep("/api/metrics", &[], self.ask("/api/metrics", &[]).await?);
        let studies = self.ask("/api/studies", &[]).await?;
        keep("/api/studies", &[], studies.clone());
        keep("/api/containers", &[], json!({"containers": shown.containers, "total": shown.containers.len()}));
        let ids = shown.ids.join(",");
        for (pairs, points) in questions(shown, &ids) {
            let asked = [&pairs[..], &[("points", points.to_string())], &between(shown.range)].concat();
            keep("/api/timeseries", &pairs, self.ask("/api/timeseries", &asked).await?);
        }
        let of_agent = vec![("kind", OF_THE_AGENT.to_owned()), ("limit", MOST_EVENTS.to_owned())];
        let of_container = |id: &String| vec![("container_id", id.clone()), ("limit", MOST_EVENTS.to_owned())];
        for pairs in std::iter::once(of_agent).chain(shown.ids.iter().map(of_container)) {
            let reply = self.ask("/api/events", &[&pairs[..], &between(shown.range)].concat()).await?;
            keep("/api/events", &pairs, reply);
        }
        for study in &shown.studies {
            let (path, pairs) = study_question(study, shown, (&ids, &studies));
            let reply = self.ask(&path, &[&pairs[..], &between(shown.range)].concat()).await?;
            keep(&path, &pairs, reply);
        }
        Ok(replies)
    }

    /// What the API answers, as JSON; its sentence where it refuses.
    async fn ask(&self, path: &str, pairs: &[(&str, String)]) -> Result<Value, String> {
        let target = format!("{path}?{}", query(pairs));
        let request = Request::get(target).header(header::HOST, "localhost").body(Body::empty());
        let request = request.map_err(|error| error.to_string())?;
        let router = self.api_router(std::net::Ipv4Addr::LOCALHOST.into());
        let Ok(response) = TowerToHyperService::new(router).call(request).await;
        let is_fine = response.status().is_success();
        let body =
            axum::body::to_bytes(response.into_body(), MAX_REPLY_BYTES).await.map_err(|error| error.to_string())?;
        let reply: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        if is_fine { Ok(reply) } else { Err(reply["error"].as_str().unwrap_or("the API refused").to_owned()) }
    }
}

/// A view in its parts.
#[derive(Default)]
struct Parts {
    from: Option<String>,
    to: Option<String>,
    panels: Vec<String>,
    containers: Vec<String>,
    studies: Vec<String>,
}

impl Parts {
    fn of(view: &ExportView) -> Self {
        match view.clone() {
            ExportView::Parts { from, to, panels, containers, studies } => {
                Self { from, to, panels, containers, studies }
            }
            ExportView::Link(link) => Self::of_link(&link),
        }
    }

    fn of_link(link: &str) -> Self {
        let mut parts = Self::default();
        let fragment = link.split_once('#').map_or(link, |(_, fragment)| fragment);
        for (name, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
            let list = || value.split(',').filter(|part| !part.is_empty()).map(unescaped).collect();
            match name {
                "from" => parts.from = Some(unescaped(value)),
                "to" => parts.to = Some(unescaped(value)),
                "panels" => parts.panels = list(),
                "containers" => parts.containers = list(),
                "studies" => parts.studies = list(),
                _ => {}
            }
        }
        parts
    }
}

/// A series per panel, and the limits of the containers, each with how many points it is worth.
fn questions<'a>(shown: &Shown, ids: &str) -> Vec<(Pairs<'a>, usize)> {
    let lines = shown.panels.len() * shown.ids.len().max(1);
    let points = (MOST_POINTS / lines.max(1)).clamp(LEAST_POINTS, POINTS_PER_LINE);
    let of_containers = |metric: &str| vec![("container", ids.to_owned()), ("metric", metric.to_owned())];
    let panels = shown.panels.iter().map(|metric| {
        let pairs = if is_of_node(metric) { vec![("metric", metric.clone())] } else { of_containers(metric) };
        (pairs, points)
    });
    let limits = LIMITS.iter().filter(|_| !ids.is_empty()).map(|metric| (of_containers(metric), LIMIT_POINTS));
    panels.chain(limits).collect()
}

/// What a study of a link asks, as the viewer asks it: `trend`, `trend:METRIC` or `trend:METRIC:CONTAINER`, then parameters as
/// `;NAME:VALUE` and the other container as `;with:ID`.
fn study_question<'a>(text: &str, shown: &Shown, (ids, studies): (&str, &Value)) -> (String, Pairs<'a>) {
    let mut settings = text.split(';');
    let mut words = settings.next().unwrap_or(text).splitn(3, ':');
    let (id, metric, container) = (words.next().unwrap_or(text), words.next(), words.next());
    let (with, set): (Vec<&str>, Vec<&str>) = settings.partition(|setting| setting.starts_with("with:"));
    let known = studies["studies"].as_array().into_iter().flatten().find(|study| study["id"] == id);
    let of_metric = known.is_none_or(|study| study["looks_at"] == "metric");
    let metrics = match metric.filter(|metric| !metric.is_empty()) {
        Some(metric) => metric.to_owned(),
        None => shown.panels.iter().filter(|metric| !is_of_node(metric)).cloned().collect::<Vec<_>>().join(","),
    };
    let mut pairs = vec![("container", container.map_or_else(|| ids.to_owned(), str::to_owned))];
    pairs.extend(of_metric.then_some(("metric", metrics)));
    pairs.extend((!set.is_empty()).then(|| ("set", set.join(","))));
    pairs.extend(with.first().map(|with| ("with", with.trim_start_matches("with:").to_owned())));
    (format!("/api/study/{id}"), pairs)
}

fn between<'a>(range: TimeRange) -> Pairs<'a> {
    vec![("from", millis(range.from).to_string()), ("to", millis(range.to).to_string())]
}

fn is_of_node(metric: &str) -> bool {
    OF_THE_NODE.iter().any(|table| metric.starts_with(table))
}

fn millis(micros: i64) -> i64 {
    micros.div_euclid(1_000)
}

fn texts(reply: &Value, list: &str, name: &str) -> Vec<String> {
    let entries = reply[list].as_array().into_iter().flatten();
    entries.filter_map(|entry| entry[name].as_str()).map(str::to_owned).collect()
}

/// Under which name the viewer looks for an answer: the path and the parameters in order.
fn key(path: &str, pairs: &[(&str, String)]) -> String {
    let mut pairs = pairs.to_vec();
    pairs.sort();
    format!("{path}?{}", query(&pairs))
}

fn query(pairs: &[(&str, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// As JavaScript's `encodeURIComponent` writes it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { after.get(2..).unwrap_or(&[]) } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The page: nothing in the data can end its element, because `<` is escaped.
fn page(data: &str, script: &str, styles: &str) -> String {
    let data = data.replace('<', "\\u003c");
    let script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--");
    let styles = styles.replace("</", "<\\/");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; style-src \
         'unsafe-inline'; img-src data: blob:\">\n\
         <title>fine-grained-monitor</title>\n<style>{styles}</style></head>\n<body><div id=\"app\"></div>\n\
         <script type=\"application/json\" id=\"fgm-embedded\">{data}</script>\n\
         <script type=\"module\">{script}</script></body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_is_written() {
        let parts = Parts::of_link("/#from=2026-01-01T00:00:00Z&panels=a,b%2Cc&containers=1&studies=trend:a&x=y");
        assert_eq!(parts.from.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(parts.panels, ["a", "b,c"]);
        assert_eq!((parts.containers, parts.studies), (vec!["1".to_owned()], vec!["trend:a".to_owned()]));
    }

    #[test]
    fn answers_are_kept_under_the_names_that_the_viewer_looks_for() {
        let pairs = [("metric", "m".to_owned()), ("container", "a,b".to_owned())];
        assert_eq!(key("/api/timeseries", &pairs), "/api/timeseries?container=a%2Cb&metric=m");
        assert_eq!(key("/api/instance", &[]), "/api/instance?");
    }

    #[test]
    fn a_study_asks_what_the_viewer_asks() {
        let studies =
            json!({"studies": [{"id": "trend", "looks_at": "metric"}, {"id": "oom", "looks_at": "container"}]});
        let shown = Shown {
            range: TimeRange { from: 0, to: 1 },
            panels: vec!["a".into(), "node.load1".into()],
            ids: vec!["1".into()],
            containers: Vec::new(),
            studies: Vec::new(),
        };
        let asked = |text: &str| {
            let (path, pairs) = study_question(text, &shown, ("1", &studies));
            key(&path, &pairs)
        };
        assert_eq!(asked("trend"), "/api/study/trend?container=1&metric=a");
        assert_eq!(asked("trend:b:2;with:3;x:5"), "/api/study/trend?container=2&metric=b&set=x%3A5&with=3");
        assert_eq!(asked("oom:a"), "/api/study/oom?container=1");
    }

    #[test]
    fn nothing_in_the_data_ends_its_element() {
        let page = page("{\"a\":\"</script><b>\"}", "let a='</script>'", "a{}");
        assert_eq!(page.matches("</script>").count(), 2, "{page}");
    }
}
