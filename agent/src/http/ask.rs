//! From the parameters of a path to the question that the service is asked, path by path.
//!
//! Pure: `now` is an argument. The surprise: a question with `range=all` is whole only once the service has told what is
//! recorded, so questions over a range come as a function of it.

use crate::event::Kind;
use crate::http::parameter::{
    AGG, AT, BASELINE_FROM, BASELINE_TO, BY, COLUMNS, CONTAINER, CONTAINERS, EVENT_CONTAINER, EVENT_CONTAINER_ID,
    EVENT_NAMESPACE, EVENT_POD, EVENT_WORKLOAD, FORMAT, FROM, GROUP, HAS_METRIC, INCLUDE, KIND, LABELS,
    LIMIT_CONTAINERS, LIMIT_EVENTS, LIMIT_TOP, METRIC, METRICS, NAMESPACE, POD, POINTS, QOS_CLASS, RANGE,
    RANGE_OR_HOUR, SEARCH, SETTINGS, SORT, STUDY_METRICS, TABLE, TO, TOP_GROUP, WITH, WORKLOAD,
};
use crate::http::query::{Given, Pairs, QueryError, Table};
use crate::http::values;
use crate::http::when::{self, When};
use crate::model::{QosClass, UnixMicros};
use crate::rfc3339;
use crate::service::answers::{ContainersQuestion, Order, Questions};
use crate::service::containers::{Filter, MAX_CONTAINERS, Sandboxes};
use crate::service::events::{DEFAULT_EVENTS, EventFilter};
use crate::service::question::{
    DEFAULT_POINTS, DEFAULT_TOP, ExportFormat, ExportQuestion, Points, ProcessesQuestion, Selection, SeriesQuestion,
    TimeRange, TopBy, TopQuestion,
};
use crate::service::study::{Against, StudyQuestion};

pub(super) static NONE: Table = &[];
pub(super) static FILTERS: Table = &[&FROM, &TO, &RANGE];
#[rustfmt::skip]
pub(super) static CONTAINER_LIST: Table = &[
    &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &SEARCH, &INCLUDE, &HAS_METRIC, &FROM, &TO, &RANGE, &SORT,
    &LIMIT_CONTAINERS,
];
#[rustfmt::skip]
pub(super) static SERIES: Table = &[
    &METRICS, &CONTAINERS, &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &SEARCH, &INCLUDE, &FROM, &TO,
    &RANGE_OR_HOUR, &POINTS, &AGG, &GROUP,
];
#[rustfmt::skip]
pub(super) static LIVE: Table = &[
    &METRICS, &CONTAINERS, &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &SEARCH, &INCLUDE, &AGG, &GROUP,
];
#[rustfmt::skip]
pub(super) static TOP: Table = &[
    &METRIC, &BY, &LIMIT_TOP, &TOP_GROUP, &CONTAINERS, &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &SEARCH,
    &INCLUDE, &FROM, &TO, &RANGE_OR_HOUR,
];
pub(super) static PROCESSES: Table = &[&CONTAINER, &AT];
#[rustfmt::skip]
pub(super) static EVENTS: Table = &[
    &FROM, &TO, &RANGE, &KIND, &EVENT_CONTAINER_ID, &EVENT_POD, &EVENT_NAMESPACE, &EVENT_CONTAINER, &EVENT_WORKLOAD,
    &LIMIT_EVENTS,
];
#[rustfmt::skip]
pub(super) static STUDY: Table = &[
    &STUDY_METRICS, &CONTAINERS, &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &SEARCH, &INCLUDE, &FROM, &TO,
    &RANGE_OR_HOUR, &SETTINGS, &BASELINE_FROM, &BASELINE_TO, &WITH,
];
pub(super) static SUMMARY: Table = &[&CONTAINER, &FROM, &TO, &RANGE_OR_HOUR];
#[rustfmt::skip]
pub(super) static EXPORT: Table = &[
    &TABLE, &COLUMNS, &FORMAT, &CONTAINERS, &NAMESPACE, &POD, &WORKLOAD, &QOS_CLASS, &LABELS, &SEARCH, &INCLUDE, &FROM,
    &TO, &RANGE_OR_HOUR,
];

/// A question over a range that the service may have to tell first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Over<Q> {
    /// Its range is still to be set.
    pub(super) question: Q,
    when: When,
}

impl<Q> Over<Q> {
    /// The question with its range.
    pub(super) fn whole(mut self, questions: &dyn Questions, set: impl FnOnce(&mut Q, TimeRange)) -> Q {
        let range = self.when.range(questions);
        set(&mut self.question, range);
        self.question
    }
}

/// A range that is replaced before anybody is asked.
const LATER: TimeRange = TimeRange { from: 0, to: 0 };

/// `/api/filters`
pub(super) fn filters(pairs: Pairs, now: UnixMicros) -> Result<Option<When>, QueryError> {
    when::if_given(&Given::read(pairs, FILTERS)?, now)
}

/// `/api/containers`
pub(super) fn containers(pairs: Pairs, now: UnixMicros) -> Result<(ContainersQuestion, Option<When>), QueryError> {
    let given = Given::read(pairs, CONTAINER_LIST)?;
    let order = match given.word(&SORT)? {
        Some("oldest") => Order::Oldest,
        Some("name") => Order::Name,
        _ => Order::Newest,
    };
    let filter = Filter { limit: given.number(&LIMIT_CONTAINERS)?.unwrap_or(MAX_CONTAINERS), ..filter(&given)? };
    let question = ContainersQuestion { filter, range: None, metric: given.name(&HAS_METRIC)?, order };
    Ok((question, when::if_given(&given, now)?))
}

/// `/api/timeseries`
pub(super) fn series(pairs: Pairs, now: UnixMicros) -> Result<Over<SeriesQuestion>, QueryError> {
    let given = Given::read(pairs, SERIES)?;
    let points = given.value(&POINTS, values::points)?.unwrap_or(Points::AtMost(DEFAULT_POINTS));
    Ok(Over { question: SeriesQuestion { points, ..series_of(&given)? }, when: when::or_last_hour(&given, now)? })
}

/// `/api/live`; the range is the caller's.
pub(super) fn live(pairs: Pairs) -> Result<SeriesQuestion, QueryError> {
    series_of(&Given::read(pairs, LIVE)?)
}

fn series_of(given: &Given) -> Result<SeriesQuestion, QueryError> {
    Ok(SeriesQuestion {
        metrics: given.names(&METRICS)?,
        selection: selection(given)?,
        range: LATER,
        points: Points::All,
        aggregate: given.value(&AGG, values::aggregate)?,
        group: given.value(&GROUP, values::group)?,
    })
}

/// `/api/top`
pub(super) fn top(pairs: Pairs, now: UnixMicros) -> Result<Over<TopQuestion>, QueryError> {
    let given = Given::read(pairs, TOP)?;
    let by = match given.word(&BY)? {
        Some("max") => TopBy::Max,
        Some("last") => TopBy::Last,
        _ => TopBy::Mean,
    };
    let question = TopQuestion {
        metric: given.name(&METRIC)?.unwrap_or_default(),
        selection: selection(&given)?,
        range: LATER,
        by,
        limit: given.number(&LIMIT_TOP)?.unwrap_or(DEFAULT_TOP),
        group: given.value(&TOP_GROUP, values::group)?,
    };
    Ok(Over { question, when: when::or_last_hour(&given, now)? })
}

/// `/api/processes`
pub(super) fn processes(pairs: Pairs, now: UnixMicros) -> Result<ProcessesQuestion, QueryError> {
    let given = Given::read(pairs, PROCESSES)?;
    let at = given.value(&AT, |text| values::time(text, now))?.unwrap_or(now);
    Ok(ProcessesQuestion { container: given.name(&CONTAINER)?.unwrap_or_default(), at })
}

/// `/api/events`
pub(super) fn events(pairs: Pairs, now: UnixMicros) -> Result<(EventFilter, Option<When>), QueryError> {
    let given = Given::read(pairs, EVENTS)?;
    let mut filter = EventFilter {
        kinds: given.value(&KIND, kinds)?.unwrap_or_default(),
        limit: given.number(&LIMIT_EVENTS)?.unwrap_or(DEFAULT_EVENTS),
        ..EventFilter::default()
    };
    for parameter in [&EVENT_CONTAINER_ID, &EVENT_POD, &EVENT_NAMESPACE, &EVENT_CONTAINER, &EVENT_WORKLOAD] {
        filter.texts.extend(given.name(parameter)?.map(|text| (parameter.name, text)));
    }
    Ok((filter, when::if_given(&given, now)?))
}

/// `/api/export`
pub(super) fn export(pairs: Pairs, now: UnixMicros) -> Result<Over<ExportQuestion>, QueryError> {
    let given = Given::read(pairs, EXPORT)?;
    let format = match given.word(&FORMAT)? {
        Some("csv") => ExportFormat::Csv,
        Some("arrow") => ExportFormat::ArrowStream,
        _ => ExportFormat::Parquet,
    };
    let question = ExportQuestion {
        table: given.word(&TABLE)?.unwrap_or_default().to_owned(),
        selection: selection(&given)?,
        range: LATER,
        columns: given.names(&COLUMNS)?,
        format,
    };
    Ok(Over { question, when: when::or_last_hour(&given, now)? })
}

/// `/api/study/{id}`
pub(super) fn study(id: String, pairs: Pairs, now: UnixMicros) -> Result<Over<StudyQuestion>, QueryError> {
    let given = Given::read(pairs, STUDY)?;
    let time = |parameter| given.value(parameter, |text| values::time(text, now));
    let baseline = match (time(&BASELINE_FROM)?, time(&BASELINE_TO)?) {
        (Some(from), Some(to)) if from < to => Some(TimeRange { from, to }),
        (None, None) => None,
        (from, _) => {
            let value = from.map(rfc3339::format).unwrap_or_default();
            let valid = "a time before baseline_to, and both are given".to_owned();
            return Err(QueryError::Invalid { name: "baseline_from", value, valid });
        }
    };
    let question = StudyQuestion {
        study: id,
        metrics: given.names(&STUDY_METRICS)?,
        selection: selection(&given)?,
        range: LATER,
        settings: given.value(&SETTINGS, values::settings)?.unwrap_or_default(),
        against: Against { range: baseline, container: given.name(&WITH)? },
    };
    Ok(Over { question, when: when::or_last_hour(&given, now)? })
}

/// `/api/summary`
pub(super) fn summary(pairs: Pairs, now: UnixMicros) -> Result<(String, When), QueryError> {
    let given = Given::read(pairs, SUMMARY)?;
    Ok((given.name(&CONTAINER)?.unwrap_or_default(), when::or_last_hour(&given, now)?))
}

fn selection(given: &Given) -> Result<Selection, QueryError> {
    Ok(Selection { containers: given.names(&CONTAINERS)?, filter: filter(given)? })
}

fn filter(given: &Given) -> Result<Filter, QueryError> {
    let qos_class = match given.word(&QOS_CLASS)? {
        Some("guaranteed") => Some(QosClass::Guaranteed),
        Some("burstable") => Some(QosClass::Burstable),
        Some(_) => Some(QosClass::BestEffort),
        None => None,
    };
    Ok(Filter {
        sandboxes: if given.word(&INCLUDE)?.is_some() { Sandboxes::Included } else { Sandboxes::Hidden },
        namespace: given.name(&NAMESPACE)?,
        qos_class,
        pod: given.name(&POD)?,
        workload: given.name(&WORKLOAD)?,
        labels: given.value(&LABELS, values::labels)?.unwrap_or_default(),
        search: given.text(&SEARCH).filter(|text| !text.is_empty()).map(str::to_owned),
        limit: MAX_CONTAINERS,
    })
}

fn kinds(text: &str) -> Option<Vec<Kind>> {
    let kind = |name: &str| Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
    text.split(',').map(kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::question::{Aggregate, GroupBy};

    const NOW: UnixMicros = 1_795_406_400_000_000;
    const MINUTE: i64 = 60_000_000;

    fn pairs(text: &str) -> Pairs {
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        text.split('&').filter_map(pair).collect()
    }

    fn last(minutes: i64) -> When {
        When::Between(TimeRange { from: NOW - minutes * MINUTE, to: NOW })
    }

    #[test]
    fn every_selector() {
        let given = "namespace=a&pod=p&workload=Deployment/w&qos_class=besteffort&labels=app.io/name:shop,empty:&search=x\
                     &limit=5&include=sandbox&metric=m&sort=name&range=15m";
        let filter = Filter {
            sandboxes: Sandboxes::Included,
            namespace: Some("a".into()),
            pod: Some("p".into()),
            workload: Some("Deployment/w".into()),
            labels: vec![("app.io/name".into(), "shop".into()), ("empty".into(), String::new())],
            qos_class: Some(QosClass::BestEffort),
            search: Some("x".into()),
            limit: 5,
        };
        let question = ContainersQuestion { filter, range: None, metric: Some("m".into()), order: Order::Name };
        assert_eq!(containers(pairs(given), NOW), Ok((question, Some(last(15)))));
        assert_eq!(containers(pairs("search="), NOW), Ok((ContainersQuestion::default(), None)));
    }

    #[test]
    fn series_with_everything_and_with_the_least() {
        let given = "metric=a,b&metric=c&container=0123&namespace=n&range=15m&points=all&agg=p95&group=label:app";
        let question = SeriesQuestion {
            metrics: vec!["a".into(), "b".into(), "c".into()],
            selection: Selection {
                containers: vec!["0123".into()],
                filter: Filter { namespace: Some("n".into()), ..Filter::default() },
            },
            range: LATER,
            points: Points::All,
            aggregate: Some(Aggregate::Quantile(0.95)),
            group: Some(GroupBy::Label("app".into())),
        };
        assert_eq!(series(pairs(given), NOW), Ok(Over { question, when: last(15) }));
        let least = series(pairs("metric=a"), NOW).unwrap();
        assert_eq!((least.question.points, least.when), (Points::AtMost(DEFAULT_POINTS), last(60)));
        assert!(live(pairs("metric=a&agg=sum")).is_ok() && live(pairs("metric=a&range=1h")).is_err());
    }

    #[test]
    fn top_processes_and_export() {
        let asked = top(pairs("metric=a&by=max&limit=3&group=pod"), NOW).unwrap();
        assert_eq!(
            (asked.question.by, asked.question.limit, asked.question.group),
            (TopBy::Max, 3, Some(GroupBy::Pod))
        );
        let asked = processes(pairs("container=ab&at=-1m"), NOW);
        assert_eq!(asked, Ok(ProcessesQuestion { container: "ab".into(), at: NOW - MINUTE }));
        let asked = export(pairs("table=node_60s&columns=a,b&format=csv&pod=p"), NOW).unwrap().question;
        assert_eq!((asked.table.as_str(), asked.format), ("node_60s", ExportFormat::Csv));
        assert_eq!((asked.columns, asked.selection.filter.pod), (vec!["a".into(), "b".into()], Some("p".into())));
    }

    #[test]
    fn events_by_everything() {
        let given = "from=-15m&to=now&kind=oom_kill,clock_step&pod=web-0&limit=5";
        let filter = EventFilter {
            kinds: vec![Kind::OomKill, Kind::ClockStep],
            texts: [("pod", "web-0".to_owned())].into(),
            limit: 5,
            ..EventFilter::default()
        };
        assert_eq!(events(pairs(given), NOW), Ok((filter, Some(last(15)))));
        let wrong = events(pairs("kind=oom"), NOW).unwrap_err().to_string();
        assert!(
            wrong.starts_with("the value \"oom\" of kind is not valid; it is one or more of agent_start"),
            "{wrong}"
        );
    }
}
