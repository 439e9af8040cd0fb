//! The agent's own metrics in an exposition: build, counters, use.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::health::{BUCKETS_SECONDS, HistogramValue};
use crate::own_metrics::{OwnMetric, OwnValue, own_metrics, use_metrics};
use crate::service::Service;

#[derive(Debug)]
pub(super) struct OwnCollector {
    service: Arc<Service>,
}

impl OwnCollector {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

impl Collector for OwnCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let facts = self.service.facts.get();
        let labels = [("version", facts.version.as_str()), ("revision", facts.revision.as_str())];
        encoder
            .encode_descriptor("fgm_build", "The agent's version and git revision", None, MetricType::Info)?
            .encode_info(&labels)?;
        let used = use_metrics(&(self.service.own_use)());
        own_metrics(&self.service.counters).iter().chain(&used).try_for_each(|metric| encode(&mut encoder, metric))
    }
}

fn encode(encoder: &mut DescriptorEncoder<'_>, metric: &OwnMetric) -> fmt::Result {
    let (name, kind) = match metric.value {
        // prometheus-client appends `_total` itself.
        OwnValue::Counter(_) | OwnValue::Seconds(_) | OwnValue::ByLabel(..) => {
            (metric.name.strip_suffix("_total").unwrap_or(metric.name), MetricType::Counter)
        }
        OwnValue::Gauge(_) => (metric.name, MetricType::Gauge),
        OwnValue::Histogram(_) => (metric.name, MetricType::Histogram),
    };
    let mut sample = encoder.encode_descriptor(name, metric.help, None, kind)?;
    match &metric.value {
        OwnValue::Counter(n) => sample.encode_counter::<NoLabelSet, u64, f64>(n, None),
        OwnValue::Seconds(seconds) => sample.encode_counter::<NoLabelSet, f64, f64>(seconds, None),
        OwnValue::Gauge(n) => sample.encode_gauge(n),
        OwnValue::Histogram(histogram) => {
            let buckets = buckets(histogram);
            let count = histogram.counts.iter().sum();
            sample.encode_histogram::<NoLabelSet>(histogram.sum_seconds, count, &buckets, None)
        }
        OwnValue::ByLabel(label, values) => values.iter().try_for_each(|(value, n)| {
            sample.encode_family(&[(*label, *value)])?.encode_counter::<NoLabelSet, u64, f64>(n, None)
        }),
    }
}

/// The buckets with their bounds, as prometheus-client wants them: not cumulative, the last one without bound.
fn buckets(histogram: &HistogramValue) -> Vec<(f64, u64)> {
    BUCKETS_SECONDS.into_iter().chain([f64::INFINITY]).zip(histogram.counts.iter().copied()).collect()
}
