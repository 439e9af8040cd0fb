//! Links into the viewer: the same view for whoever opens them. The form is fixed in `docs/api.md`.

use std::fmt;

use crate::rfc3339;
use crate::service::question::TimeRange;

/// A view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// What is shown.
    pub range: TimeRange,
    /// A panel for each of these.
    pub metrics: Vec<&'a str>,
    /// Whose series, by id.
    pub containers: Vec<&'a str>,
    /// What is marked in them.
    pub studies: Vec<&'a str>,
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/#from={}&to={}", rfc3339::format_seconds(self.range.from), rfc3339::format_seconds(self.range.to))?;
        let lists = [("panels", &self.metrics), ("containers", &self.containers), ("studies", &self.studies)];
        for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
            write!(f, "&{name}={}", values.iter().map(|value| escaped(value)).collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }
}

/// What a fragment may hold as it is stays; the rest is escaped byte by byte.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_when_what_and_whose() {
        let link = Link {
            range: TimeRange { from: 0, to: 60_000_000 },
            metrics: vec!["cpu_usage_cores", "node.load1"],
            containers: vec!["ab c,&"],
            studies: Vec::new(),
        };
        let expected = "/#from=1970-01-01T00:00:00Z&to=1970-01-01T00:01:00Z&panels=cpu_usage_cores,node.load1\
                        &containers=ab%20c%2C%26";
        assert_eq!(link.to_string(), expected);
    }
}
