//! The dashboard's queries: PromQL that Prometheus's own tool takes, about series that the agent has.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::rendered::{is_there, k8s};

/// Every expression of every panel, with values in place of Grafana's variables.
pub(crate) fn queries(board: &Value) -> Vec<String> {
    let panels = board["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let mut queries: Vec<String> = targets.map(|target| target["expr"].as_str().expect("a query").to_owned()).collect();
    let variables = board["templating"]["list"].as_array().expect("variables");
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        let name = variable["name"].as_str().expect("a name");
        let query = variable["query"]["query"].as_str().expect("a query");
        let inner =
            query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", ")).expect("label_values(..)");
        queries.push(inner.0.to_owned());
        assert!(queries.iter().any(|query| query.contains(&format!("\"${name}\""))), "nobody asks for ${name}");
    }
    let values = variables
        .iter()
        .filter_map(|variable| variable["name"].as_str())
        .map(|name| (format!("\"${name}\""), "\".*\""));
    let values: Vec<_> = values.chain([("$__rate_interval".to_owned(), "1m")]).collect();
    for query in &mut queries {
        *query = values.iter().fold(query.clone(), |text, (variable, value)| text.replace(variable, value));
        assert!(!query.contains('$'), "{query}: a variable that the dashboard does not have");
    }
    queries
}

/// Each name in front of a selector is in the list of what the agent prints.
pub(crate) fn assert_series_exist(queries: &[String]) {
    // The one without a value of its own, the build's, is on the page of the API.
    let pages = ["metrics.md", "api.md"].map(|page| std::fs::read_to_string(k8s().join("../docs").join(page)).unwrap());
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let known: BTreeSet<&str> = pages.iter().flat_map(|page| page.split(|c| !is_name(c))).collect();
    for query in queries {
        for word in
            query.split(|c| !is_name(c)).filter(|word| word.starts_with("fgm_") || word.starts_with("container_"))
        {
            let name = word.strip_suffix("_bucket").unwrap_or(word);
            assert!(known.contains(name), "{query}: neither docs/metrics.md nor docs/api.md has {name}");
        }
    }
}

/// `promtool` reads them, as the rules of a file.
pub(crate) fn assert_promql(queries: &[String]) {
    if !is_there("promtool", "--version") {
        return;
    }
    let rule =
        |(index, query): (usize, &String)| serde_json::json!({"record": format!("query_{index}"), "expr": query});
    let rules: Vec<Value> = queries.iter().enumerate().map(rule).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    // JSON is YAML.
    std::fs::write(file.path(), serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string())
        .unwrap();
    let output = Command::new("promtool").args(["check", "rules"]).arg(file.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains(&format!("{} rules found", queries.len())), "{told}");
}
