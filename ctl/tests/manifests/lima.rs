//! The Lima file of the vm mode, as far as it can be checked without limactl: fields that Lima has, what the mode relies on.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// The fields used, each looked up in Lima's `LimaYAML`, which refuses others.
const FIELDS: [&str; 10] = [
    "base",
    "containerd",
    "cpus",
    "memory",
    "minimumLimaVersion",
    "mountTypesUnsupported",
    "mounts",
    "portForwards",
    "probes",
    "provision",
];

#[test]
fn the_lima_file_has_what_the_vm_mode_relies_on() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lima/gadget-k8s-host.yaml");
    let file: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).expect("YAML");
    let fields: Vec<&str> = file.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(fields.iter().all(|field| FIELDS.contains(field)), "{fields:?}");
    // Lima's own templates have an image for each architecture; none is chosen here.
    assert_eq!(file["base"], json!(["template:_images/debian-13"]));
    assert!(file["arch"].is_null() && file["vmType"].is_null());
    assert_eq!((&file["cpus"], &file["memory"]), (&json!(4), &json!("8GiB")));
    let forward = &file["portForwards"][0];
    assert_eq!((&forward["guestPortRange"], &forward["hostPortRange"]), (&json!([6443, 6447]), &json!([6443, 6447])));
    for script in [&file["provision"][0]["script"], &file["probes"][0]["script"]] {
        let script = script.as_str().expect("a script");
        assert!(script.starts_with("#!/bin/bash\n"), "Lima wants to know the interpreter");
        let checked = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
        assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    }
}
