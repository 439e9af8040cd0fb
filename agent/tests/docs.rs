//! Generated documents equal what generates them.

use std::path::Path;

#[test]
fn the_metrics_page_is_the_output_of_the_metrics_command() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let same = page == fgm_agent::catalogue_table::render();
    assert!(same, "docs/metrics.md is out of date; regenerate it: cargo run -- metrics > docs/metrics.md");
}
