//! A real API server, where there is one: a dry run there, after kubectl has compared every field with the server's own schema.
//!
//! The tests of the agent on a cluster apply the same overlays for good, in CI too; so nothing fails here without a cluster.

use std::process::{Command, Output};

use crate::rendered::k8s;

/// The context to ask, which must be of a cluster that may be written to: the namespace has to be there for a dry run.
pub(crate) fn context() -> Option<String> {
    let context = std::env::var("FGM_TEST_CONTEXT").ok();
    if context.is_none() {
        eprintln!("skipped: no cluster is named by FGM_TEST_CONTEXT");
    }
    context
}

/// The server would take every document of an overlay, and knows every field.
pub(crate) fn assert_taken(context: &str, overlay: &str) {
    let kubectl = |arguments: &[&str]| -> Output {
        Command::new("kubectl").args(["--context", context]).args(arguments).output().unwrap()
    };
    let namespace = k8s().join("base/namespace.yaml");
    let made = kubectl(&["apply", "-f", namespace.to_str().unwrap()]);
    assert!(made.status.success(), "{made:?}");
    let overlay = k8s().join("overlays").join(overlay);
    let (overlay, strict) = (overlay.to_str().unwrap(), "--validate=strict");
    for more in [&["--dry-run=server", strict][..], &["--dry-run=server", strict, "--server-side", "--force-conflicts"]]
    {
        let taken = kubectl(&[&["apply", "-k", overlay][..], more].concat());
        let told = String::from_utf8_lossy(&taken.stderr);
        assert!(taken.status.success() && !told.contains("unknown field"), "{overlay}: {told}");
    }
}
