//! The values of flags: a text into what it means, or a sentence about what it should be.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::{self, Names, Scope};
use crate::human;

/// How often processes are read; none where that is switched off. A type, because clap makes an `Option` an optional flag.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessInterval(pub(super) Option<Duration>);

pub(super) fn interval(text: &str) -> Result<Duration, String> {
    duration_within(text, &config::INTERVAL_RANGE, "the sampling interval")
}

pub(super) fn rotate(text: &str) -> Result<Duration, String> {
    duration_within(text, &config::ROTATE_RANGE, "the time after which a file is sealed")
}

pub(super) fn spill_interval(text: &str) -> Result<Duration, String> {
    duration_within(text, &config::SPILL_INTERVAL_RANGE, "the spill interval")
}

pub(super) fn process_interval(text: &str) -> Result<ProcessInterval, String> {
    if matches!(text, "off" | "0") {
        return Ok(ProcessInterval(None));
    }
    let within = duration_within(text, &config::PROCESS_INTERVAL_RANGE, "the process interval");
    within.map(|interval| ProcessInterval(Some(interval))).map_err(|error| format!("{error}, or off"))
}

fn duration_within(text: &str, range: &RangeInclusive<Duration>, what: &str) -> Result<Duration, String> {
    let duration = human::parse_duration(text).map_err(|error| error.to_string())?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (human::format_duration(*range.start()), human::format_duration(*range.end()));
    Err(format!("{what} must be between {least} and {most}"))
}

pub(super) fn tail_bytes(text: &str) -> Result<u64, String> {
    let bytes = human::parse_size(text).map_err(|error| error.to_string())?;
    if bytes < config::MIN_TAIL_BYTES {
        return Err(format!("the tail needs at least {}", human::format_size(config::MIN_TAIL_BYTES)));
    }
    Ok(bytes)
}

pub(super) fn retain_bytes(text: &str) -> Result<u64, String> {
    let bytes = human::parse_size(text).map_err(|error| error.to_string())?;
    if bytes < config::MIN_RETAIN_BYTES {
        return Err(format!("what is kept needs at least {}", human::format_size(config::MIN_RETAIN_BYTES)));
    }
    Ok(bytes)
}

pub(super) fn retain_age(text: &str) -> Result<Duration, String> {
    duration_within(text, &config::RETAIN_AGE_RANGE, "the age up to which files are kept")
}

pub(super) fn scope(text: &str) -> Result<Scope, String> {
    let found = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
    found.ok_or_else(|| format!("the scope is one of {}", Scope::ALL.map(Scope::as_str).join(", ")))
}

pub(super) fn names(text: &str) -> Result<Names, String> {
    let found = Names::ALL.into_iter().find(|names| names.as_str() == text);
    found.ok_or_else(|| format!("names are one of {}", Names::ALL.map(Names::as_str).join(", ")))
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let text = local.as_deref().unwrap_or(text);
    // A manifest can only put a pod's address and a port together, without the brackets that IPv6 needs.
    let bare =
        || text.rsplit_once(':').and_then(|(ip, port)| Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?)));
    text.parse()
        .ok()
        .or_else(bare)
        .ok_or_else(|| "an address is an IP address and a port, such as 127.0.0.1:8050 or [::]:8050".to_owned())
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>().ok();
    let sensible = number.filter(|percent| *percent > 0.0 && *percent <= 100.0);
    sensible.ok_or_else(|| "the CPU budget is a percentage of one core, above 0 and at most 100".to_owned())
}
