//! The text of a kubeconfig in block style: its top-level keys, and the items of its lists with their names.
//!
//! It edits without understanding all of YAML: whoever calls compares what the new text means with what it should. The one
//! surprise: a key's line that this tool writes says so in a comment, with what stood there before, and so a file from which
//! everything of this tool is taken out again is the old one, byte for byte.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};

use super::entries::word;
use super::lines::Lines;
use super::proof::HEAD;

/// The key of the current context.
pub(super) const CURRENT: &str = "current-context";
/// The lists, in the order in which kubectl writes them.
pub(super) const LISTS: [List; 3] = [List::Clusters, List::Contexts, List::Users];

/// What a key's line ends with that was not there before.
const ADDED: &str = " # by fgmctl";
/// What stands between a key's new line and what the line was behind its colon.
const BEFORE: &str = " # by fgmctl, before:";

/// One of the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Clusters,
    Contexts,
    Users,
}

impl List {
    /// The key of the list.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Contexts => "contexts",
            Self::Users => "users",
        }
    }

    /// The key in an item under which everything but its name stands.
    pub(super) fn part(self) -> &'static str {
        match self {
            Self::Clusters => "cluster",
            Self::Contexts => "context",
            Self::Users => "user",
        }
    }
}

/// A top-level key with its lines.
pub(super) struct Section {
    key: String,
    /// The key's line.
    head: usize,
    /// The line behind the section.
    end: usize,
}

/// An item of a list, from its dash to its last line that is neither empty nor a comment.
struct Item {
    range: Range<usize>,
    /// Spaces before the dash.
    indentation: usize,
    name: Option<String>,
}

/// The top-level keys.
pub(super) fn of(lines: &Lines) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    for at in 0..lines.len() {
        let line = lines.get(at);
        if is_blank(line) || line.starts_with(' ') || (line.trim_end() == "---" && sections.is_empty()) {
            continue;
        }
        if is_dash(line) && !sections.is_empty() {
            continue;
        }
        let (key, _) = key_of(line).with_context(|| format!("line {} has a form that fgmctl does not edit", at + 1))?;
        if let Some(last) = sections.last_mut() {
            last.end = at;
        }
        sections.push(Section { key: key.to_owned(), head: at, end: lines.len() });
    }
    Ok(sections)
}

/// Begins a kubeconfig in a text that has no key.
pub(super) fn begin(lines: &mut Lines) {
    let head = HEAD.iter().map(|(key, value)| format!("{key}: {value}{ADDED}")).collect();
    lines.insert(lines.len(), head);
}

/// Puts an item into a list, in place of the one of its name; gives the names that were there.
pub(super) fn put(lines: &mut Lines, list: List, name: &str, item: &[String]) -> Result<Vec<Option<String>>> {
    let Some(section) = find(lines, list.key())? else {
        lines.insert(lines.len(), [vec![format!("{}:{ADDED}", list.key())], indented(item, 0)].concat());
        return Ok(Vec::new());
    };
    let items = items(lines, &section)?;
    match (items.iter().find(|item| item.name.as_deref() == Some(name)), items.last()) {
        (Some(same), _) => lines.replace(same.range.clone(), indented(item, same.indentation)),
        (None, Some(last)) => lines.insert(last.range.end, indented(item, last.indentation)),
        (None, None) => {
            let before = rest(lines, &section).to_owned();
            lines.set(section.head, format!("{}:{BEFORE}{before}", section.key));
            lines.insert(section.head + 1, indented(item, 0));
        }
    }
    Ok(items.into_iter().map(|item| item.name).collect())
}

/// Takes the items of a name out of a list; gives the names that were there.
pub(super) fn take(lines: &mut Lines, list: List, name: &str) -> Result<Vec<Option<String>>> {
    let Some(section) = find(lines, list.key())? else { return Ok(Vec::new()) };
    let items = items(lines, &section)?;
    let (ours, others): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.name.as_deref() == Some(name));
    for item in ours.iter().rev() {
        lines.remove(item.range.clone());
    }
    if others.is_empty() && !ours.is_empty() {
        empty(lines, &section, "[]");
    }
    Ok(items.into_iter().map(|item| item.name).collect())
}

/// Makes a context the current one, where there is none.
pub(super) fn set_current(lines: &mut Lines, name: &str) -> Result<()> {
    let Some(section) = find(lines, CURRENT)? else {
        lines.insert(lines.len(), vec![format!("{CURRENT}: {}{ADDED}", word(name))]);
        return Ok(());
    };
    let before = rest(lines, &section).to_owned();
    if is_nothing(value(&before)) {
        lines.set(section.head, format!("{CURRENT}: {}{BEFORE}{before}", word(name)));
    }
    Ok(())
}

/// Leaves no context the current one, where it is this one.
pub(super) fn unset_current(lines: &mut Lines, name: &str) -> Result<()> {
    if let Some(section) = find(lines, CURRENT)?
        && scalar(rest(lines, &section)).as_deref() == Some(name)
    {
        empty(lines, &section, "\"\"");
    }
    Ok(())
}

/// Takes away what [`begin`] made, where nothing else is left.
pub(super) fn end(lines: &mut Lines) -> Result<()> {
    let sections = of(lines)?;
    if sections.iter().all(|section| rest(lines, section).ends_with(ADDED) && is_head(section)) {
        for section in sections.iter().rev() {
            lines.remove(section.head..section.head + 1);
        }
    }
    Ok(())
}

fn is_head(section: &Section) -> bool {
    HEAD.iter().any(|(key, _)| *key == section.key)
}

/// Leaves a key without a value, as it was before this tool gave it one; where that is not known, with an empty one.
fn empty(lines: &mut Lines, section: &Section, nothing: &str) {
    let now = rest(lines, section).to_owned();
    if let Some((_, before)) = now.split_once(BEFORE) {
        lines.set(section.head, format!("{}:{before}", section.key));
    } else if now.ends_with(ADDED) {
        lines.remove(section.head..section.head + 1);
    } else {
        let comment = now.get(comment_at(&now)..).unwrap_or("");
        lines.set(section.head, format!("{}: {nothing}{comment}", section.key));
    }
}

fn find(lines: &Lines, key: &str) -> Result<Option<Section>> {
    Ok(of(lines)?.into_iter().find(|section| section.key == key))
}

/// What stands on a key's line behind the colon.
fn rest<'a>(lines: &'a Lines, section: &Section) -> &'a str {
    lines.get(section.head).get(section.key.len() + 1..).unwrap_or("")
}

/// The items of a list.
fn items(lines: &Lines, section: &Section) -> Result<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    let body = section.head + 1..section.end;
    for at in body.filter(|at| !is_blank(lines.get(*at))) {
        let line = lines.get(at);
        let depth = line.len() - line.trim_start_matches(' ').len();
        let indentation = items.first().map_or(depth, |item| item.indentation);
        match items.last_mut() {
            Some(item) if depth > indentation => item.range.end = at + 1,
            _ if depth == indentation && is_dash(line.trim_start_matches(' ')) => {
                items.push(Item { range: at..at + 1, indentation, name: None });
            }
            _ => bail!("line {} has a form that fgmctl does not edit", at + 1),
        }
    }
    let inline = value(rest(lines, section));
    let fits = if items.is_empty() { is_nothing(inline) } else { inline.is_empty() };
    ensure!(fits, "line {} has a form that fgmctl does not edit", section.head + 1);
    for item in &mut items {
        item.name = name(lines, item);
    }
    Ok(items)
}

/// The value of an item's own key `name`.
fn name(lines: &Lines, item: &Item) -> Option<String> {
    let mut depth = None;
    for at in item.range.clone().filter(|at| !is_blank(lines.get(*at))) {
        let line = lines.get(at);
        // The dash of the first line is as good as a space.
        let start = if at == item.range.start { item.indentation + 1 } else { 0 };
        let text = line.get(start..)?;
        let content = text.trim_start_matches(' ');
        if is_blank(content) {
            continue;
        }
        let here = start + text.len() - content.len();
        if *depth.get_or_insert(here) == here
            && let Some(("name", rest)) = key_of(content)
        {
            return scalar(rest);
        }
    }
    None
}

/// The lines of an item in a list.
fn indented(item: &[String], indentation: usize) -> Vec<String> {
    let dash = |at| if at == 0 { '-' } else { ' ' };
    item.iter().enumerate().map(|(at, line)| format!("{:indentation$}{} {line}", "", dash(at))).collect()
}

/// A plain key with what stands behind its colon.
fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, rest) = line.split_once(':')?;
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    (plain && !key.starts_with('-') && (rest.is_empty() || rest.starts_with(' '))).then_some((key, rest))
}

fn is_dash(line: &str) -> bool {
    line == "-" || line.starts_with("- ")
}

fn is_blank(line: &str) -> bool {
    let content = line.trim_start_matches(' ');
    content.is_empty() || content.starts_with('#')
}

fn is_nothing(value: &str) -> bool {
    ["", "[]", "null", "~", "\"\"", "''"].contains(&value)
}

/// What stands behind a colon, without spaces and comment.
fn value(rest: &str) -> &str {
    rest.get(..comment_at(rest)).unwrap_or(rest).trim_matches(' ')
}

/// Where the comment begins, with the spaces before it.
fn comment_at(rest: &str) -> usize {
    let content = rest.trim_start_matches(' ');
    let opens = rest.len() - content.len();
    let quote = content.chars().next().filter(|first| "\"'".contains(*first));
    let closes = quote.and_then(|quote| content.get(1..)?.find(quote)).map_or(0, |at| opens + 1 + at);
    let comment = rest.get(closes..).and_then(|tail| tail.find(" #")).map_or(rest.len(), |at| closes + at);
    rest.get(..comment).map_or(comment, |head| head.trim_end_matches(' ').len())
}

/// A string on one line, plain or in quotes without anything escaped.
fn scalar(rest: &str) -> Option<String> {
    let text = value(rest);
    for quote in ["\"", "'"] {
        if let Some(inner) = text.strip_prefix(quote) {
            let inner = inner.strip_suffix(quote)?;
            return (!inner.contains(quote) && !inner.contains('\\')).then(|| inner.to_owned());
        }
    }
    let odd = text.is_empty() || text.starts_with(|first| "&*!|>{}[]%@`,?".contains(first));
    (!odd).then(|| text.to_owned())
}
