//! A part of a recording as one page: the viewer with the answers that the view needs inside it, so that it asks nobody.
//!
//! The answers are those of the API itself, which is asked here without a socket. The form of the element that holds them is
//! `agent/ui/src/data/embedded.ts`'s; the viewer makes the same pages itself.

mod beside;
mod view;

use axum::body::Body;
use axum::http::{Request, header};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Map, Value, json};

use self::beside::{Comparison, Known, MOST_CONTAINERS, Millis};
use self::view::View;
use crate::export::ExportView;
use crate::http::Http;
use crate::http::viewer;
use crate::rfc3339;
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
    view: View,
    ids: Vec<String>,
    /// What is known of each of them, and then of those that only a study or the comparison names.
    containers: Vec<Value>,
    comparison: Option<Comparison>,
    /// At which moment the processes are told, in milliseconds.
    processes_at: Option<i64>,
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
        let shown = self.shown(View::of(view)).await?;
        let replies = self.replies(&shown).await?;
        let to = millis(shown.range.to);
        let mut content = json!({
            "version": 1, "from": millis(shown.range.from), "to": to, "now": to,
            "view": shown.view.link(shown.range, &shown.ids), "replies": replies,
        });
        if let Some(drawer) = shown.drawer() {
            content["drawer"] = json!(drawer);
        }
        Ok(page(&content.to_string(), &script, &styles))
    }

    async fn shown(&self, mut view: View) -> Result<Shown, String> {
        let first = view.panels.first().cloned().ok_or("name at least one metric with --panels")?;
        let (from, to) = self.range(&view).await?;
        let range = vec![("from", from), ("to", to)];
        if view.containers.is_empty()
            && let Some(metric) = view.panels.iter().find(|metric| !is_of_node(metric))
        {
            let asked = [("metric", metric.clone()), ("limit", USUAL_CONTAINERS.to_owned())];
            let top = self.ask("/api/top", &[&asked[..], &range].concat()).await?;
            view.containers = texts(&top, "entries", "container");
        }
        let mut containers: Vec<Value> = Vec::new();
        for id in &view.containers {
            containers.push(self.container(id).await?);
        }
        let ids: Vec<String> = containers.iter().filter_map(|known| known["id"].as_str()).map(str::to_owned).collect();
        for id in beside::named(&view) {
            let known = self.container(id).await?;
            if !containers.contains(&known) {
                containers.push(known);
            }
        }
        // The answer about the range is what it comes to, whatever words it was asked in.
        let mut asked = vec![("metric", first.clone()), ("points", "1".to_owned())];
        asked.extend(ids.first().filter(|_| !is_of_node(&first)).map(|id| ("container", id.clone())));
        let series = self.ask("/api/timeseries", &[asked, range].concat()).await?;
        let ms = |name: &str| series[name].as_i64().ok_or("the range is not known");
        let asked = Millis { from: ms("from")?, to: ms("to")? };
        let known: Vec<Known> = containers.iter().filter_map(|container| known(container, &ids)).collect();
        Ok(Shown {
            range: TimeRange { from: asked.from * 1_000, to: asked.to * 1_000 },
            comparison: Comparison::of(&view, asked, &known)?,
            processes_at: beside::processes_at(&view, asked)?,
            view,
            ids,
            containers,
        })
    }

    /// From when to when, in words that the API understands; what is recorded ends now.
    async fn range(&self, view: &View) -> Result<(String, String), String> {
        let instance = self.ask("/api/instance", &[]).await?;
        let edge = |name: &str| instance.pointer(&format!("/recorded/{name}"))?.as_str().and_then(rfc3339::parse);
        let nothing = || "nothing is recorded here".to_owned();
        let begin = || edge("from").map(millis).ok_or_else(nothing);
        // The last reading is before the end.
        let end = || edge("to").map(|to| millis(to) + 1).ok_or_else(nothing);
        let or = |named: &Option<String>, edge: &dyn Fn() -> Result<i64, String>| match named {
            Some(time) => Ok(time.clone()),
            None => edge().map(|ms| ms.to_string()),
        };
        match view.range.as_deref() {
            None => Ok((or(&view.from, &begin)?, or(&view.to, &end)?)),
            Some("all") => Ok((begin()?.to_string(), end()?.to_string())),
            Some(text) => {
                let span =
                    beside::duration_ms(text).ok_or_else(|| format!("the range {text} is no duration like 6h"))?;
                Ok(((end()? - span).to_string(), end()?.to_string()))
            }
        }
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
        for study in &shown.view.studies {
            let (path, pairs) = study_question(study, shown, (&ids, &studies));
            let reply = self.ask(&path, &[&pairs[..], &between(shown.range)].concat()).await?;
            keep(&path, &pairs, reply);
        }
        for id in shown.ids.iter().take(MOST_CONTAINERS) {
            let Some(at) = shown.processes_at else { break };
            let pairs = [("container", id.clone()), ("at", at.to_string())];
            keep("/api/processes", &pairs, self.ask("/api/processes", &pairs).await?);
        }
        if let Some(pair) = &shown.comparison {
            replies.extend(self.comparison(pair).await?);
        }
        Ok(replies)
    }

    /// Both sides have the same question but for the range, so each has a mark of its own in its key. What is noted of
    /// them stands beside the verdict, whose absence keeps nothing from being compared.
    async fn comparison(&self, pair: &Comparison) -> Result<Map<String, Value>, String> {
        let mut replies = Map::new();
        let mut notes: Vec<Value> = Vec::new();
        let mut note = |reply: &Value| {
            for said in reply["notes"].as_array().into_iter().flatten() {
                if !notes.contains(said) {
                    notes.push(said.clone());
                }
            }
        };
        for (part, side) in [("one", &pair.one), ("other", &pair.other)] {
            let pairs = side.question(&pair.metric);
            let range = [("from", side.range.from.to_string()), ("to", side.range.to.to_string())];
            let asked = [&pairs[..], &range, &[("points", POINTS_PER_LINE.to_string())]].concat();
            let mut reply = self.ask("/api/timeseries", &asked).await?;
            note(&reply);
            reply["notes"] = json!([]);
            replies.insert(key("/api/timeseries", &[&pairs[..], &[("part", part.to_owned())]].concat()), reply);
        }
        if let Some(pairs) = pair.verdict_question() {
            let range = [("from", pair.one.range.from.to_string()), ("to", pair.one.range.to.to_string())];
            let reply = self.ask("/api/study/compare", &[&pairs[..], &range].concat()).await;
            let mut reply =
                reply.unwrap_or_else(|sentence| json!({"study": "compare", "series": [], "notes": [sentence]}));
            note(&reply);
            reply["notes"] = json!(notes);
            replies.insert(key("/api/study/compare", &pairs), reply);
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

impl Shown {
    /// What is open beside the charts: one part only, as in the viewer.
    fn drawer(&self) -> Option<&'static str> {
        match (&self.comparison, self.processes_at) {
            (Some(_), _) => Some("compare"),
            (None, Some(_)) => Some("processes"),
            (None, None) => None,
        }
    }

    /// The whole id of a container of which a study has the beginning.
    fn whole_id(&self, begin: &str) -> String {
        let ids = self.containers.iter().filter_map(|known| known["id"].as_str());
        ids.into_iter().find(|id| id.starts_with(begin)).unwrap_or(begin).to_owned()
    }
}

fn known(container: &Value, chosen: &[String]) -> Option<Known> {
    let id = container["id"].as_str()?.to_owned();
    let first_seen_ms = container["first_seen"].as_str().and_then(rfc3339::parse).map(millis);
    Some(Known { is_chosen: chosen.contains(&id), id, first_seen_ms })
}

/// A series per panel, and the limits of the containers, each with how many points it is worth.
fn questions<'a>(shown: &Shown, ids: &str) -> Vec<(Pairs<'a>, usize)> {
    let lines = shown.view.panels.len() * shown.ids.len().max(1);
    let points = (MOST_POINTS / lines.max(1)).clamp(LEAST_POINTS, POINTS_PER_LINE);
    let of_containers = |metric: &str| vec![("container", ids.to_owned()), ("metric", metric.to_owned())];
    let panels = shown.view.panels.iter().map(|metric| {
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
    let panels: Vec<&str> = match metric.filter(|metric| !metric.is_empty()) {
        Some(metric) => vec![metric],
        None => shown.view.panels.iter().map(String::as_str).collect(),
    };
    let of_containers: Vec<&str> = panels.iter().copied().filter(|metric| !is_of_node(metric)).collect();
    let mut pairs: Pairs<'_> = Vec::new();
    if !of_metric || !of_containers.is_empty() {
        pairs.push(("container", container.map_or_else(|| ids.to_owned(), |id| shown.whole_id(id))));
    }
    let metrics = if of_containers.is_empty() { panels } else { of_containers };
    pairs.extend(of_metric.then(|| ("metric", metrics.join(","))));
    pairs.extend((!set.is_empty()).then(|| ("set", set.join(","))));
    pairs.extend(with.first().map(|with| ("with", shown.whole_id(with.trim_start_matches("with:")))));
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
            view: View::of_link("#panels=a,node.load1"),
            ids: vec!["1".into()],
            containers: vec![json!({"id": "1"}), json!({"id": "3456"})],
            comparison: None,
            processes_at: None,
        };
        let asked = |text: &str| {
            let (path, pairs) = study_question(text, &shown, ("1", &studies));
            key(&path, &pairs)
        };
        assert_eq!(asked("trend"), "/api/study/trend?container=1&metric=a");
        assert_eq!(asked("trend:b:2;with:3;x:5"), "/api/study/trend?container=2&metric=b&set=x%3A5&with=3456");
        assert_eq!(asked("trend:node.load1"), "/api/study/trend?metric=node.load1");
        assert_eq!(asked("oom:a"), "/api/study/oom?container=1");
    }

    #[test]
    fn nothing_in_the_data_ends_its_element() {
        let page = page("{\"a\":\"</script><b>\"}", "let a='</script>'", "a{}");
        assert_eq!(page.matches("</script>").count(), 2, "{page}");
    }
}
