//! A view as the viewer's address has it: read, and written again for the page that it became.
//!
//! Pure. The surprise: names that nobody here knows are kept, as the viewer keeps them.

use crate::export::ExportView;
use crate::rfc3339;
use crate::service::link::escaped;
use crate::service::question::TimeRange;

/// What the viewer shows where its address has no time.
const USUAL_RANGE: &str = "1h";

/// A view in its parts.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    /// A duration up to the end of what is recorded, or `all`; it goes before the other two.
    pub(super) range: Option<String>,
    pub(super) panels: Vec<String>,
    pub(super) containers: Vec<String>,
    pub(super) studies: Vec<String>,
    /// Everything else, among it what is open beside the charts.
    rest: Vec<(String, String)>,
}

impl View {
    pub(super) fn of(view: &ExportView) -> Self {
        match view.clone() {
            ExportView::Parts { from, to, panels, containers, studies, processes, compare } => {
                let rest = [("processes", processes), ("compare", compare)];
                let rest = rest.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
                Self { from, to, range: None, panels, containers, studies, rest }
            }
            ExportView::Link(link) => Self::of_link(&link),
        }
    }

    pub(super) fn of_link(link: &str) -> Self {
        let mut view = Self::default();
        let fragment = link.split_once('#').map_or(link, |(_, fragment)| fragment);
        for (name, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
            let list = || value.split(',').filter(|part| !part.is_empty()).map(unescaped).collect();
            match name {
                "from" => view.from = Some(unescaped(value)),
                "to" => view.to = Some(unescaped(value)),
                "range" => view.range = Some(unescaped(value)),
                "panels" => view.panels = list(),
                "containers" => view.containers = list(),
                "studies" => view.studies = list(),
                _ => view.rest.push((unescaped(name), unescaped(value))),
            }
        }
        if view.from.is_none() && view.to.is_none() && view.range.is_none() {
            view.range = Some(USUAL_RANGE.to_owned());
        }
        view
    }

    /// What the view has under a name that is none of the charts'.
    pub(super) fn beside(&self, name: &str) -> Option<&str> {
        self.rest.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The fragment of the address that shows this view with these containers in this range and no other.
    pub(super) fn link(&self, range: TimeRange, containers: &[String]) -> String {
        let time = rfc3339::format_millis;
        let mut link = format!("#from={}&to={}", time(range.from), time(range.to));
        let lists = [("panels", &self.panels[..]), ("containers", containers), ("studies", &self.studies)];
        for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
            let values: Vec<String> = values.iter().map(|value| escaped(value)).collect();
            link.push_str(&format!("&{name}={}", values.join(",")));
        }
        for (name, value) in &self.rest {
            link.push_str(&format!("&{}={}", escaped(name), escaped(value)));
        }
        link
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_is_written() {
        let view =
            View::of_link("/#from=2026-01-01T00:00:00Z&panels=a,b%2Cc&containers=1&studies=trend:a&compare=with:%31");
        assert_eq!((view.from.as_deref(), view.range.as_deref()), (Some("2026-01-01T00:00:00Z"), None));
        assert_eq!(view.panels, ["a", "b,c"]);
        assert_eq!(view.beside("compare"), Some("with:1"));
        let range = TimeRange { from: 0, to: 1_500_000 };
        let written = "#from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:01.500Z&panels=a,b%2Cc&containers=1234&studies=trend:a\
                       &compare=with:1";
        assert_eq!(view.link(range, &["1234".to_owned()]), written);
    }

    #[test]
    fn a_link_without_a_time_is_the_last_hour_as_in_the_viewer() {
        assert_eq!(View::of_link("#panels=a").range.as_deref(), Some("1h"));
        assert_eq!(View::of_link("#panels=a&range=all").range.as_deref(), Some("all"));
        assert_eq!(View::of_link("#panels=a&to=now").range, None);
    }
}
