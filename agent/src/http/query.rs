//! Query parameters: pairs of text in, checked against a path's table; each mistake is a sentence that names what is valid.
//!
//! Knows how values are read, not what they are for. The surprise: a repeated parameter is a mistake except for lists of
//! names, where it is one way to say them.

use crate::http::parameter::{Parameter, Presence};
use crate::http::values::{self, MAX_CHARS, Values};

/// How alike two names must be for one to be offered for the other, from 0 to 1.
const ALIKE: f64 = 0.75;

/// Why parameters make no sense.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum QueryError {
    #[error("there is no parameter {name:?} here; {}there is {}", nearest(name, .valid), .valid.join(", "))]
    Unknown { name: String, valid: Vec<&'static str> },
    #[error("there is no parameter {0:?} here; this path takes none")]
    TakesNone(String),
    #[error("the parameter {0} is given twice")]
    Twice(&'static str),
    #[error("the parameter {name} is missing; it is {valid}")]
    Missing { name: &'static str, valid: String },
    #[error("the value of {0} is longer than {MAX_CHARS} characters")]
    TooLong(&'static str),
    #[error("the value {value:?} of {name} is not valid; it is {valid}")]
    Invalid { name: &'static str, value: String, valid: String },
    #[error("the parameters from, to and range are given; two of them say all")]
    ThreeTimes,
    #[error("the query part of this address cannot be read as parameters")]
    Unreadable,
}

/// The name that was probably meant, as a part of a sentence.
fn nearest(name: &str, valid: &[&'static str]) -> String {
    // What is no name of ours in length is not compared: that takes the product of both lengths.
    let likeness = |known: &str| if name.len() <= 32 { strsim::jaro_winkler(name, known) } else { 0.0 };
    let best = valid.iter().map(|known| (likeness(known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, known)| format!("perhaps {known}; ")).unwrap_or_default()
}

/// Decoded parameters, in the order given.
pub(super) type Pairs = Vec<(String, String)>;

/// A path's parameters.
pub(super) type Table = &'static [&'static Parameter];

/// The parameters of a request, known to be of its path.
#[derive(Debug)]
pub(super) struct Given(Vec<(&'static Parameter, String)>);

impl Given {
    /// Checks the names, how often they come and that what must be given is.
    pub(super) fn read(pairs: Pairs, table: Table) -> Result<Self, QueryError> {
        let mut found: Vec<(&'static Parameter, String)> = Vec::new();
        for (name, value) in pairs {
            let Some(&known) = table.iter().find(|known| known.name == name) else { return Err(unknown(name, table)) };
            let is_list = known.values.most_names().is_some();
            if !is_list && found.iter().any(|(given, _)| given.name == name) {
                return Err(QueryError::Twice(known.name));
            }
            if !is_list && value.chars().count() > MAX_CHARS {
                return Err(QueryError::TooLong(known.name));
            }
            found.push((known, value));
        }
        let given = Self(found);
        let missing = table.iter().find(|known| known.presence == Presence::Required && !given.has(known));
        missing.map_or(Ok(given), |known| Err(QueryError::Missing { name: known.name, valid: known.values.words() }))
    }

    /// Whether it was given.
    pub(super) fn has(&self, parameter: &Parameter) -> bool {
        self.0.iter().any(|(given, _)| given.name == parameter.name)
    }

    /// The value, as a function makes it from text; the default's where none was given.
    pub(super) fn value<T>(
        &self,
        parameter: &'static Parameter,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, QueryError> {
        let Some(text) = self.text(parameter) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| invalid(parameter, text))
    }

    /// The text as it was given, or the default.
    pub(super) fn text(&self, parameter: &Parameter) -> Option<&str> {
        let given = self.0.iter().find(|(given, _)| given.name == parameter.name).map(|(_, text)| text.as_str());
        given.or(match parameter.presence {
            Presence::Default(text) => Some(text),
            _ => None,
        })
    }

    /// A name; nothing has an empty one.
    pub(super) fn name(&self, parameter: &'static Parameter) -> Result<Option<String>, QueryError> {
        self.value(parameter, |text| (!text.is_empty()).then(|| text.to_owned()))
    }

    /// The names of a list, in the order given, each once.
    pub(super) fn names(&self, parameter: &'static Parameter) -> Result<Vec<String>, QueryError> {
        let Some(at_most) = parameter.values.most_names() else { return Ok(Vec::new()) };
        let given = self.0.iter().filter(|(given, _)| given.name == parameter.name);
        let mut names: Vec<String> = Vec::new();
        for name in given.flat_map(|(_, text)| text.split(',')) {
            if name.is_empty() {
                return Err(invalid(parameter, name));
            }
            if name.chars().count() > MAX_CHARS {
                return Err(QueryError::TooLong(parameter.name));
            }
            if names.iter().any(|known| known == name) {
                continue;
            }
            if names.len() == at_most {
                return Err(invalid(parameter, name));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }

    /// A number within its bounds; its default otherwise.
    pub(super) fn number(&self, parameter: &'static Parameter) -> Result<Option<usize>, QueryError> {
        let Values::Number { least, most } = parameter.values else { return Ok(None) };
        self.value(parameter, |text| values::number(text).filter(|number| (least..=most).contains(number)))
    }

    /// One of the words that are valid.
    pub(super) fn word(&self, parameter: &'static Parameter) -> Result<Option<&'static str>, QueryError> {
        let Values::OneOf(words) = parameter.values else { return Ok(None) };
        self.value(parameter, |text| words().into_iter().find(|word| *word == text))
    }
}

fn unknown(name: String, table: Table) -> QueryError {
    if table.is_empty() {
        return QueryError::TakesNone(name);
    }
    QueryError::Unknown { name, valid: table.iter().map(|known| known.name).collect() }
}

pub(super) fn invalid(parameter: &'static Parameter, value: &str) -> QueryError {
    QueryError::Invalid { name: parameter.name, value: value.to_owned(), valid: parameter.values.words() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::parameter::{INCLUDE, LIMIT_TOP, METRICS, NAMESPACE, QOS_CLASS, SEARCH};

    static TABLE: Table = &[&METRICS, &NAMESPACE, &QOS_CLASS, &SEARCH, &INCLUDE, &LIMIT_TOP];

    fn read(given: &[(&str, &str)], table: Table) -> Result<Given, QueryError> {
        Given::read(given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(), table)
    }

    fn names(given: &[(&str, &str)]) -> Result<Vec<String>, QueryError> {
        read(given, TABLE)?.names(&METRICS)
    }

    #[test]
    fn lists_are_repeated_or_separated_by_commas() {
        assert_eq!(names(&[("metric", "a,b"), ("metric", "c"), ("metric", "a")]).unwrap(), ["a", "b", "c"]);
        let many: Vec<String> = (0..33).map(|n| format!("m{n}")).collect();
        assert_eq!(names(&[("metric", &many[..32].join(","))]).unwrap().len(), 32);
        assert_eq!(
            names(&[("metric", &many.join(","))]).unwrap_err().to_string(),
            "the value \"m32\" of metric is not valid; it is up to 32 names, separated by commas or in a parameter each"
        );
    }

    #[test]
    fn defaults_stand_in() {
        let given = read(&[("metric", "a")], TABLE).unwrap();
        assert_eq!(given.number(&LIMIT_TOP), Ok(Some(10)));
        assert_eq!((given.name(&NAMESPACE), given.word(&QOS_CLASS)), (Ok(None), Ok(None)));
    }

    #[test]
    fn each_mistake_gets_its_sentence() {
        let long = "x".repeat(513);
        for (given, sentence) in [
            (
                &[("x", "")][..],
                "there is no parameter \"x\" here; there is metric, namespace, qos_class, search, include, limit",
            ),
            (
                &[("namespaces", "a")],
                "there is no parameter \"namespaces\" here; perhaps namespace; there is metric, namespace, qos_class, \
                 search, include, limit",
            ),
            (&[], "the parameter metric is missing; it is up to 32 names, separated by commas or in a parameter each"),
            (&[("limit", "1"), ("limit", "2")], "the parameter limit is given twice"),
            (&[("search", &long)], "the value of search is longer than 512 characters"),
        ] {
            assert_eq!(read(given, TABLE).unwrap_err().to_string(), sentence);
        }
        let takes_none = read(&[("x", "1")], &[]).unwrap_err();
        assert_eq!(takes_none.to_string(), "there is no parameter \"x\" here; this path takes none");
    }

    #[test]
    fn each_wrong_value_gets_its_sentence() {
        let given = [("metric", "a"), ("namespace", ""), ("qos_class", "Best"), ("limit", "0"), ("include", "all")];
        let given = read(&given, TABLE).unwrap();
        let sentences = [
            given.name(&NAMESPACE).unwrap_err(),
            given.word(&QOS_CLASS).unwrap_err(),
            given.number(&LIMIT_TOP).unwrap_err(),
            given.word(&INCLUDE).unwrap_err(),
        ]
        .map(|error| error.to_string());
        assert_eq!(
            sentences,
            [
                "the value \"\" of namespace is not valid; it is a name",
                "the value \"Best\" of qos_class is not valid; it is one of guaranteed, burstable, besteffort",
                "the value \"0\" of limit is not valid; it is a number from 1 to 1000",
                "the value \"all\" of include is not valid; it is one of sandbox",
            ]
        );
        let long = "x".repeat(513);
        assert_eq!(names(&[("metric", &long)]), Err(QueryError::TooLong("metric")));
        assert!(names(&[("metric", "a,,b")]).is_err() && names(&[("metric", "")]).is_err());
    }

    proptest! {
        #[test]
        fn no_pairs_panic(pairs in prop::collection::vec(("[a-z_]{0,12}|metric|limit", "\\PC{0,40}"), 0..8)) {
            if let Ok(given) = Given::read(pairs, TABLE) {
                let _ = (given.names(&METRICS), given.number(&LIMIT_TOP), given.word(&QOS_CLASS));
            }
        }
    }
}
