//! Query parameters: pairs of text in, typed requests out; each mistake is a sentence that names what is valid.

use crate::model::QosClass;
use crate::service::containers::{Filter, MAX_CONTAINERS, Sandboxes};

/// The longest value of a parameter.
const MAX_VALUE_BYTES: usize = 1024;

const CONTAINERS_PARAMETERS: &[&str] =
    &["namespace", "pod", "workload", "qos_class", "labels", "search", "limit", "include"];

const QOS_CLASSES: [QosClass; 3] = [QosClass::Guaranteed, QosClass::Burstable, QosClass::BestEffort];

/// Why parameters make no sense.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum QueryError {
    #[error("there is no parameter {name:?} here; there is {}", .valid.join(", "))]
    Unknown { name: String, valid: &'static [&'static str] },
    #[error("there is no parameter {0:?} here; this path takes none")]
    TakesNone(String),
    #[error("the parameter {0} is given twice")]
    Twice(&'static str),
    #[error("the value of {0} is longer than {MAX_VALUE_BYTES} bytes")]
    TooLong(&'static str),
    #[error("the value {value:?} of {name} is not valid; it is {valid}")]
    Invalid { name: &'static str, value: String, valid: String },
    #[error("the query part of this address cannot be read as parameters")]
    Unreadable,
}

/// Decoded parameters, in the order given.
pub(super) type Pairs = Vec<(String, String)>;

/// A path without parameters.
pub(super) fn none(pairs: Pairs) -> Result<(), QueryError> {
    pairs.into_iter().next().map_or(Ok(()), |(name, _)| Err(QueryError::TakesNone(name)))
}

/// The pairs of a path that takes these parameters, each at most once.
pub(super) fn known(pairs: Pairs, valid: &'static [&'static str]) -> Result<Vec<(&'static str, String)>, QueryError> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in pairs {
        let Some(&known) = valid.iter().find(|known| **known == name) else {
            return Err(QueryError::Unknown { name, valid });
        };
        if found.iter().any(|(name, _)| *name == known) {
            return Err(QueryError::Twice(known));
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(QueryError::TooLong(known));
        }
        found.push((known, value));
    }
    Ok(found)
}

/// The parameters of `/api/containers`.
pub(super) fn containers(pairs: Pairs) -> Result<Filter, QueryError> {
    let mut filter = Filter::default();
    for (known, value) in known(pairs, CONTAINERS_PARAMETERS)? {
        match known {
            "namespace" => filter.namespace = Some(some("namespace", value)?),
            "pod" => filter.pod = Some(some("pod", value)?),
            "workload" => filter.workload = Some(some("workload", value)?),
            "labels" => filter.labels = labels(value)?,
            "qos_class" => filter.qos_class = Some(qos_class(value)?),
            "search" => filter.search = Some(value).filter(|text| !text.is_empty()),
            "limit" => filter.limit = limit(value)?,
            _ => filter.sandboxes = include(value)?,
        }
    }
    Ok(filter)
}

fn qos_class(value: String) -> Result<QosClass, QueryError> {
    let found = QOS_CLASSES.into_iter().find(|class| class.as_str() == value);
    found.ok_or_else(|| invalid("qos_class", value, format!("one of {}", QOS_CLASSES.map(QosClass::as_str).join(", "))))
}

/// A name that is looked for; nothing has an empty one.
fn some(name: &'static str, value: String) -> Result<String, QueryError> {
    if value.is_empty() { Err(invalid(name, value, "a name".to_owned())) } else { Ok(value) }
}

/// `KEY:VALUE` pairs, separated by commas; a key has no colon, a value may be empty.
fn labels(value: String) -> Result<Vec<(String, String)>, QueryError> {
    let pair = |text: &str| {
        let (key, value) = text.trim().split_once(':')?;
        (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    let pairs: Option<Vec<_>> = value.split(',').map(pair).collect();
    pairs.ok_or_else(|| invalid("labels", value, "KEY:VALUE, or several of them separated by commas".to_owned()))
}

fn limit(value: String) -> Result<usize, QueryError> {
    let number = value.parse().ok().filter(|number| (1..=MAX_CONTAINERS).contains(number));
    number.ok_or_else(|| invalid("limit", value, format!("a number from 1 to {MAX_CONTAINERS}")))
}

fn include(value: String) -> Result<Sandboxes, QueryError> {
    if value == "sandbox" { Ok(Sandboxes::Included) } else { Err(invalid("include", value, "sandbox".to_owned())) }
}

pub(super) fn invalid(name: &'static str, value: String, valid: String) -> QueryError {
    QueryError::Invalid { name, value, valid }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(given: &[(&str, &str)]) -> Pairs {
        given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn every_parameter_of_containers() {
        let given = [
            ("namespace", "a"),
            ("pod", "p"),
            ("workload", "Deployment/w"),
            ("qos_class", "besteffort"),
            ("labels", "app.kubernetes.io/name:shop,empty:"),
            ("search", "x"),
            ("limit", "5"),
            ("include", "sandbox"),
        ];
        let filter = Filter {
            sandboxes: Sandboxes::Included,
            namespace: Some("a".into()),
            pod: Some("p".into()),
            workload: Some("Deployment/w".into()),
            labels: vec![("app.kubernetes.io/name".into(), "shop".into()), ("empty".into(), String::new())],
            qos_class: Some(QosClass::BestEffort),
            search: Some("x".into()),
            limit: 5,
        };
        assert_eq!(containers(pairs(&given)), Ok(filter));
        assert_eq!(containers(pairs(&[("search", "")])), Ok(Filter::default()));
    }

    #[test]
    fn each_mistake_gets_its_sentence() {
        let long = "x".repeat(2000);
        for (given, sentence) in [
            (
                &[("namespaces", "a")][..],
                "there is no parameter \"namespaces\" here; there is namespace, pod, workload, qos_class, \
                 labels, search, limit, include",
            ),
            (
                &[("qos_class", "Best")],
                "the value \"Best\" of qos_class is not valid; it is one of guaranteed, burstable, besteffort",
            ),
            (&[("pod", "")], "the value \"\" of pod is not valid; it is a name"),
            (
                &[("labels", "app:web,tier")],
                "the value \"app:web,tier\" of labels is not valid; it is KEY:VALUE, or several of them separated by commas",
            ),
            (
                &[("labels", "")],
                "the value \"\" of labels is not valid; it is KEY:VALUE, or several of them separated by commas",
            ),
            (&[("limit", "0")], "the value \"0\" of limit is not valid; it is a number from 1 to 10000"),
            (&[("limit", "many")], "the value \"many\" of limit is not valid; it is a number from 1 to 10000"),
            (&[("include", "all")], "the value \"all\" of include is not valid; it is sandbox"),
            (&[("limit", "1"), ("limit", "2")], "the parameter limit is given twice"),
            (&[("search", &long)], "the value of search is longer than 1024 bytes"),
        ] {
            assert_eq!(containers(pairs(given)).unwrap_err().to_string(), sentence);
        }
        let error = none(pairs(&[("x", "1")])).unwrap_err();
        assert_eq!(error.to_string(), "there is no parameter \"x\" here; this path takes none");
    }
}
