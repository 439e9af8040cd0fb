//! The paths, once: who answers each, what it takes and what it may reply with.
//!
//! The router, the index, the sentence of a 404, the tables in `docs/api.md` and `/api/openapi.json` are made from this table.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get};
use schemars::{Schema, SchemaGenerator};

use crate::http::accept::SeriesFormat;
use crate::http::query::Table;
use crate::http::reply::{ProcessesReply, SeriesReply, TopReply};
use crate::http::study::{StudyReply, SummaryReply};
use crate::http::{Shared, api, ask, export, health, live, openapi, prometheus, study};
use crate::service::catalogue::CatalogueReply;
use crate::service::containers::ContainersReply;
use crate::service::events::EventsReply;
use crate::service::filters::FiltersAnswer;
use crate::service::instance::InstanceReply;
use crate::service::question::ExportFormat;
use crate::service::study::StudiesReply;
use crate::service::{HealthReply, StatusReply};

/// A path.
pub(super) struct Endpoint {
    pub(super) path: &'static str,
    /// What it answers, in a few words.
    pub(super) answers: &'static str,
    pub(super) parameters: &'static Table,
    pub(super) route: fn() -> MethodRouter<Arc<Shared>>,
    /// What a 200 may be.
    pub(super) replies: &'static [Reply],
    /// With which statuses it may answer but 200.
    pub(super) statuses: &'static [u16],
    /// Where it is.
    pub(super) doors: Doors,
}

/// At which doors a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doors {
    /// The API's listener.
    Api,
    /// Both.
    Both,
}

impl Endpoint {
    fn is_at(&self, doors: Doors) -> bool {
        doors == Doors::Api || self.doors == Doors::Both
    }
}

/// The paths of the API's listener, which has all, or those of both.
pub(super) fn paths(doors: Doors) -> impl Iterator<Item = &'static str> {
    ENDPOINTS.iter().filter(move |endpoint| endpoint.is_at(doors)).map(|endpoint| endpoint.path)
}

/// The same with what answers them.
pub(super) fn router(doors: Doors) -> Router<Arc<Shared>> {
    let there = ENDPOINTS.iter().filter(|endpoint| endpoint.is_at(doors));
    there.fold(Router::new(), |router, endpoint| router.route(endpoint.path, (endpoint.route)()))
}

/// The form of a reply.
pub(super) struct Reply {
    pub(super) content_type: &'static str,
    /// None where JSON schema has no words for it.
    pub(super) schema: Option<fn(&mut SchemaGenerator) -> Schema>,
}

/// Statuses but 200: of paths that answer at once.
const COMMON: &[u16] = &[400, 401, 403, 431];
/// Of answers behind a door.
const MADE: &[u16] = &[400, 401, 403, 431, 500, 503];
/// Of those that a client may have already.
const KEPT: &[u16] = &[304, 400, 401, 403, 431, 500, 503];
/// Of questions about what is recorded.
const ASKED: &[u16] = &[400, 401, 403, 404, 413, 431, 500, 503];
/// Of those whose answer a client may have already.
const SEALED: &[u16] = &[304, 400, 401, 403, 404, 413, 431, 500, 503];

macro_rules! json {
    ($reply:ty) => {
        &[Reply { content_type: "application/json", schema: Some(|schemas| schemas.subschema_for::<$reply>()) }]
    };
}

const TEXT: &[Reply] = &[Reply { content_type: "text/plain", schema: None }];

const fn bytes(content_type: &'static str) -> Reply {
    Reply { content_type, schema: None }
}

const SERIES: &[Reply] = &[
    Reply {
        content_type: SeriesFormat::Json.content_type(),
        schema: Some(|schemas| schemas.subschema_for::<SeriesReply>()),
    },
    bytes(SeriesFormat::Arrow.content_type()),
];

const ROWS: &[Reply] = &[
    bytes(export::content_type(ExportFormat::Parquet)),
    bytes(export::content_type(ExportFormat::Csv)),
    bytes(export::content_type(ExportFormat::ArrowStream)),
];

macro_rules! endpoints {
    ($($path:literal, $answers:literal, $table:ident, $handler:path, $replies:expr, $statuses:ident, $doors:ident;)*) => {
        &[$(Endpoint {
            path: $path, answers: $answers, parameters: &ask::$table, route: || get($handler), replies: $replies,
            statuses: $statuses, doors: Doors::$doors,
        }),*]
    };
}

/// Every path but the index.
#[rustfmt::skip]
pub(super) static ENDPOINTS: &[Endpoint] = endpoints! {
    "/healthz", "whether the process lives", NONE, health::healthz, TEXT, COMMON, Both;
    "/readyz", "whether the first tick is stored (503 before)", NONE, health::readyz, TEXT, COMMON, Both;
    "/metrics", "Prometheus and OpenMetrics", NONE, prometheus::metrics, TEXT, MADE, Both;
    "/api/health", "the agent in short", NONE, api::health, json!(HealthReply), COMMON, Api;
    "/api/status", "the agent in full", NONE, api::status, json!(StatusReply), MADE, Api;
    "/api/instance", "who answers, since when, what is recorded", NONE, api::instance, json!(InstanceReply), MADE, Api;
    "/api/metrics", "every metric the agent knows", NONE, api::metrics, json!(CatalogueReply), MADE, Api;
    "/api/filters", "what can be chosen from", FILTERS, api::filters, json!(FiltersAnswer), SEALED, Api;
    "/api/containers", "the containers, newest first", CONTAINER_LIST, api::containers, json!(ContainersReply), SEALED, Api;
    "/api/timeseries", "series of numbers", SERIES, api::timeseries, SERIES, SEALED, Api;
    "/api/top", "those with the largest values", TOP, api::top, json!(TopReply), SEALED, Api;
    "/api/processes", "the processes of a container at a moment", PROCESSES, api::processes, json!(ProcessesReply), ASKED, Api;
    "/api/events", "what happened, newest first", EVENTS, api::events, json!(EventsReply), KEPT, Api;
    "/api/studies", "the studies that there are", NONE, study::studies, json!(StudiesReply), MADE, Api;
    "/api/study/{id}", "what a study finds", STUDY, study::study, json!(StudyReply), SEALED, Api;
    "/api/summary", "a container in short", SUMMARY, study::summary, json!(SummaryReply), SEALED, Api;
    "/api/export", "recorded rows as Parquet, CSV or Arrow", EXPORT, export::export, ROWS, ASKED, Api;
    "/api/live", "new points as they are taken", LIVE, live::live, &[bytes(live::CONTENT_TYPE)], ASKED, Api;
    "/api/openapi.json", "this API, described", NONE, openapi::openapi, &[bytes("application/json")], KEPT, Api;
};

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::*;
    use crate::http::parameter::{Parameter, Presence};

    fn row(parameter: &Parameter) -> String {
        let presence = match parameter.presence {
            Presence::Required => "; must be given".to_owned(),
            Presence::Optional => String::new(),
            Presence::Default(text) => format!("; `{text}` unless given"),
        };
        format!("| `{}` | {} | {}{presence} |", parameter.name, parameter.help, parameter.values.words())
    }

    fn table(endpoint: &Endpoint) -> String {
        let mut table = "| Parameter | Meaning | Values |\n| --- | --- | --- |\n".to_owned();
        for parameter in *endpoint.parameters {
            let _ = writeln!(table, "{}", row(parameter));
        }
        table
    }

    /// The page with the table of each path between its marks.
    fn with_tables(page: &str) -> String {
        let mut page = page.to_owned();
        for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.parameters.is_empty()) {
            let begin = format!("<!-- parameters of {} -->\n", endpoint.path);
            let from = page.find(&begin).unwrap_or_else(|| panic!("docs/api.md has no {begin}")) + begin.len();
            let to = from + page[from..].find("<!-- end -->").unwrap();
            page.replace_range(from..to, &table(endpoint));
        }
        page
    }

    #[test]
    fn the_page_of_the_api_has_every_path_and_parameter() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let made = with_tables(&page);
        if std::env::var_os("FGM_UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        assert!(
            page == made,
            "docs/api.md is out of date; FGM_UPDATE_GOLDEN=1 cargo test -p fgm-agent --lib page_of_the_api"
        );
        for endpoint in ENDPOINTS {
            assert!(
                page.contains(&format!("**`{}`**", endpoint.path)),
                "docs/api.md does not tell of {}",
                endpoint.path
            );
        }
    }

    #[test]
    fn no_path_takes_a_name_twice() {
        for endpoint in ENDPOINTS {
            let mut names: Vec<&str> = endpoint.parameters.iter().map(|parameter| parameter.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), endpoint.parameters.len(), "{}", endpoint.path);
        }
    }
}
