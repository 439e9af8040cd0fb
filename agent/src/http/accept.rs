//! Which format an answer has, by the `Accept` header: of a scrape, or of series.
//!
//! OpenMetrics and Arrow only where they are asked for by name: a wildcard, nothing at all, or a header that makes no sense
//! gets the older text format, or JSON, which every reader understands.

use axum::http::{HeaderMap, HeaderName, header};

/// A text format of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The older Prometheus text format 0.0.4.
    Prometheus,
}

impl TextFormat {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The format that suits the header best.
pub(super) fn negotiate(headers: &HeaderMap) -> TextFormat {
    let ranges: Vec<Range<'_>> = ranges(headers, header::ACCEPT).collect();
    let open_metrics = ranges.iter().filter(|range| range.names_open_metrics()).map(|range| range.weight).max();
    let older = ranges.iter().filter_map(|range| Some((range.fits_older()?, range.weight))).max();
    match open_metrics {
        Some(weight) if weight > 0 && older.is_none_or(|(_, older)| weight >= older) => TextFormat::OpenMetrics,
        _ => TextFormat::Prometheus,
    }
}

/// A format of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeriesFormat {
    /// Columnar JSON.
    Json,
    /// An Arrow IPC stream.
    Arrow,
}

impl SeriesFormat {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

/// The format of series that suits the header best.
pub(super) fn series_format(headers: &HeaderMap) -> SeriesFormat {
    let weight = |format: SeriesFormat| {
        let is_named = |range: &Range<'_>| range.media.eq_ignore_ascii_case(format.content_type());
        ranges(headers, header::ACCEPT).filter(is_named).map(|range| range.weight).max()
    };
    match weight(SeriesFormat::Arrow) {
        Some(arrow) if arrow > 0 && weight(SeriesFormat::Json).is_none_or(|json| arrow > json) => SeriesFormat::Arrow,
        _ => SeriesFormat::Json,
    }
}

/// What a header of this kind names, in the order given; what makes no sense is left out.
pub(super) fn ranges(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Range<'_>> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(Range::parse)
}

/// One media range, or the name of an encoding; its weight in thousandths.
#[derive(Debug)]
pub(super) struct Range<'a> {
    pub(super) media: &'a str,
    version: Option<&'a str>,
    pub(super) weight: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Range { media: parts.next().filter(|media| !media.is_empty())?, version: None, weight: 1000 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "version" => range.version = Some(value),
                "q" => range.weight = weight(value)?,
                _ => {}
            }
        }
        Some(range)
    }

    fn names_open_metrics(&self) -> bool {
        self.media.eq_ignore_ascii_case("application/openmetrics-text") && matches!(self.version, None | Some("1.0.0"))
    }

    /// How exactly the range means the older format; the most exact range decides, whatever the others weigh.
    fn fits_older(&self) -> Option<u8> {
        match self.media.to_ascii_lowercase().as_str() {
            "text/plain" if matches!(self.version, None | Some("0.0.4")) => Some(2),
            "text/*" => Some(1),
            "*/*" => Some(0),
            _ => None,
        }
    }
}

/// A weight from 0 to 1 with at most three decimals, in thousandths.
fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit()) && fraction.len() <= 3;
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn format(accept: &[&str]) -> TextFormat {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        negotiate(&headers)
    }

    #[test]
    fn open_metrics_is_given_where_it_is_preferred_by_name() {
        for accept in [
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3",
            "Application/OpenMetrics-Text;q=0.5, */*;q=0.5",
            "text/plain;q=0.1, application/openmetrics-text;q=0.2",
        ] {
            assert_eq!(format(&[accept]), TextFormat::OpenMetrics, "{accept}");
        }
        assert_eq!(format(&["text/plain;q=0.5", "application/openmetrics-text"]), TextFormat::OpenMetrics);
    }

    #[test]
    fn everything_else_gets_the_older_format() {
        for accept in [
            "",
            "*/*",
            "text/plain",
            "application/json",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.0, text/plain",
            "application/openmetrics-text;q=0.3, text/plain;q=0.7",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=high",
            ",,;;=,",
        ] {
            assert_eq!(format(&[accept]), TextFormat::Prometheus, "{accept}");
        }
        assert_eq!(format(&[]), TextFormat::Prometheus);
    }

    #[test]
    fn arrow_is_given_where_it_is_preferred_by_name() {
        let format = |accept: &str| {
            let headers = [(header::ACCEPT, HeaderValue::from_str(accept).unwrap())];
            series_format(&HeaderMap::from_iter(headers))
        };
        let arrow = "application/vnd.apache.arrow.stream";
        for accept in [arrow, &format!("application/json;q=0.5, {arrow};q=0.9"), &format!("*/*, {arrow};q=0.1")] {
            assert_eq!(format(accept), SeriesFormat::Arrow, "{accept}");
        }
        for accept in ["*/*", "application/*", "", &format!("{arrow};q=0"), &format!("application/json, {arrow}")] {
            assert_eq!(format(accept), SeriesFormat::Json, "{accept}");
        }
    }

    #[test]
    fn weights_are_thousandths_from_0_to_1() {
        let weights = ["0", "1", "0.5", "0.75", "1.000", "0.123"].map(weight);
        assert_eq!(weights, [Some(0), Some(1000), Some(500), Some(750), Some(1000), Some(123)]);
        assert_eq!(["2", "1.5", "-1", "", ".5", "0.1234", "0.+1"].map(weight), [None; 7]);
    }
}
