//! The containers' last values in an exposition, under the names and with the conventions of cAdvisor and the kubelet.
//!
//! Conventions that differ from the columns: seconds instead of microseconds where the name says `_seconds`; no limit is
//! 0, and no quota is no sample at all. A counter whose known name lacks `_total` (`container_memory_failcnt`) is of
//! unknown type, because a counter's name would get the suffix and dashboards would not find it.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::metric::{
    Column, DERIVED_PROMETHEUS, Derivation, Kind, METRICS, Metric, Prometheus, UNLIMITED, Unit, column,
};
use crate::model::Identity;
use crate::service::{LatestContainer, Service};

#[derive(Debug)]
pub(super) struct ContainersCollector {
    service: Arc<Service>,
    families: Vec<Family>,
    working_set: Option<(Column, Column)>,
}

/// The columns that share a name.
#[derive(Debug)]
struct Family {
    name: &'static str,
    kind: MetricType,
    help: &'static str,
    columns: Vec<(Column, Prometheus)>,
}

/// A number as it is written: whole numbers stay exact.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Whole(u64),
    Real(f64),
}

impl ContainersCollector {
    pub(super) fn new(service: Arc<Service>) -> Self {
        let working_set = column("memory_current_bytes").zip(column("memory_stat_inactive_file_bytes"));
        Self { service, families: families(), working_set }
    }

    fn derived(&self, derivation: Derivation, container: &LatestContainer) -> Option<Number> {
        match derivation {
            Derivation::WorkingSet => {
                let (current, inactive) = self.working_set?;
                let less = container.value(current)?.saturating_sub(container.value(inactive)?);
                Some(whole(less))
            }
            Derivation::LastSeen => Some(Number::Real(seconds(container.time))),
        }
    }
}

impl Collector for ContainersCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let latest = self.service.latest();
        for family in &self.families {
            let samples = family.columns.iter().flat_map(|&(column, prometheus)| {
                latest.iter().filter_map(move |container| {
                    let number = number(&METRICS[column], prometheus.name, container.value(column)?)?;
                    Some((Labels { identity: &container.identity, extra: prometheus.labels }, number))
                })
            });
            encode_family(&mut encoder, (family.name, family.kind, family.help), samples)?;
        }
        for derived in DERIVED_PROMETHEUS {
            let samples = latest.iter().filter_map(|container| {
                let number = self.derived(derived.derivation, container)?;
                Some((Labels { identity: &container.identity, extra: &[] }, number))
            });
            encode_family(&mut encoder, (derived.name, MetricType::Gauge, derived.help), samples)?;
        }
        Ok(())
    }
}

/// A family with its samples; nothing, not even its description, where it has none.
fn encode_family<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, kind, help): (&str, MetricType, &str),
    samples: impl Iterator<Item = (Labels<'a>, Number)>,
) -> fmt::Result {
    let mut samples = samples.peekable();
    if samples.peek().is_none() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, number) in samples {
        let mut sample = family.encode_family(&labels)?;
        match (kind, number) {
            (MetricType::Counter, Number::Whole(n)) => sample.encode_counter::<NoLabelSet, u64, f64>(&n, None)?,
            (MetricType::Counter, Number::Real(x)) => sample.encode_counter::<NoLabelSet, f64, f64>(&x, None)?,
            (_, Number::Whole(n)) => sample.encode_gauge(&n)?,
            (_, Number::Real(x)) => sample.encode_gauge(&x)?,
        }
    }
    Ok(())
}

/// The catalogue's Prometheus names, each once, in the order in which they first appear.
fn families() -> Vec<Family> {
    let mut families: Vec<(&str, Family)> = Vec::new();
    for (column, metric) in METRICS.iter().enumerate() {
        let Some(prometheus) = metric.prometheus else { continue };
        if let Some((_, family)) = families.iter_mut().find(|(full_name, _)| *full_name == prometheus.name) {
            family.columns.push((column, prometheus));
            continue;
        }
        let (name, kind) = match (metric.kind, prometheus.name.strip_suffix("_total")) {
            (Kind::Counter, Some(stem)) => (stem, MetricType::Counter),
            (Kind::Counter, None) => (prometheus.name, MetricType::Unknown),
            _ => (prometheus.name, MetricType::Gauge),
        };
        let family = Family { name, kind, help: metric.help, columns: vec![(column, prometheus)] };
        families.push((prometheus.name, family));
    }
    families.into_iter().map(|(_, family)| family).collect()
}

/// The column's value by the conventions of the known name; none where they leave the sample out.
fn number(metric: &Metric, known_name: &str, value: i64) -> Option<Number> {
    match (metric.kind, metric.unit) {
        (Kind::Limit, Unit::Usec) if value == UNLIMITED => None,
        (Kind::Limit, _) if value == UNLIMITED => Some(Number::Whole(0)),
        (_, Unit::Usec) if known_name.contains("_seconds") => Some(Number::Real(seconds(value))),
        _ => Some(whole(value)),
    }
}

fn whole(value: i64) -> Number {
    Number::Whole(u64::try_from(value).unwrap_or(0))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 microseconds, 285 years")]
fn seconds(usec: i64) -> f64 {
    usec as f64 / 1e6
}

/// The labels of a container's sample; a name that is not known is the empty string, as with cAdvisor.
#[derive(Clone, Copy, Debug)]
struct Labels<'a> {
    identity: &'a Identity,
    extra: &'static [(&'static str, &'static str)],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let identity = self.identity;
        let known = |text: &'static str, value: &Option<String>, encoder: &mut LabelSetEncoder<'_>| {
            (text, value.as_deref().unwrap_or("")).encode(encoder.encode_label())
        };
        known("namespace", &identity.namespace, encoder)?;
        known("pod", &identity.pod, encoder)?;
        known("container", &identity.container, encoder)?;
        ("id", identity.path.as_str()).encode(encoder.encode_label())?;
        ("name", identity.container_id.as_str()).encode(encoder.encode_label())?;
        known("image", &identity.image, encoder)?;
        self.extra.iter().try_for_each(|label| label.encode(encoder.encode_label()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(name: &str, value: i64) -> Option<Number> {
        let metric = &METRICS[column(name).unwrap()];
        number(metric, metric.prometheus.unwrap().name, value)
    }

    #[test]
    fn microseconds_become_seconds_where_the_name_says_so() {
        assert_eq!(converted("cpu_usage_usec", 1_500_000), Some(Number::Real(1.5)));
        assert_eq!(converted("cpu_period_usec", 100_000), Some(Number::Whole(100_000)));
    }

    #[test]
    fn no_limit_is_zero_and_no_quota_is_no_sample() {
        assert_eq!(converted("memory_max_bytes", UNLIMITED), Some(Number::Whole(0)));
        assert_eq!(converted("pids_max", UNLIMITED), Some(Number::Whole(0)));
        assert_eq!(converted("cpu_quota_usec", UNLIMITED), None);
        assert_eq!(converted("cpu_quota_usec", 50_000), Some(Number::Whole(50_000)));
    }

    #[test]
    fn families_have_one_name_each_and_two_columns_where_a_label_tells_them_apart() {
        let families = families();
        let mut names: Vec<&str> = families.iter().map(|family| family.name).collect();
        names.extend(DERIVED_PROMETHEUS.iter().map(|derived| derived.name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for family in &families {
            assert!(family.columns.len() == 1 || family.columns.iter().all(|(_, p)| !p.labels.is_empty()));
            assert!(!family.help.contains(['"', '\\', '\n']), "{}", family.help);
        }
        let failcnt = families.iter().find(|family| family.name == "container_memory_failcnt").unwrap();
        assert!(matches!(failcnt.kind, MetricType::Unknown));
    }
}
