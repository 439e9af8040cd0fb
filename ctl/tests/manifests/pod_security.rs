//! The rules of the Pod Security Standards' level "restricted", those of "baseline" among them, over a pod template.
//!
//! Written after the standards' page with the rule of Kubernetes 1.34 about the hosts of probes. Where levels differ between
//! versions, the stricter rule is asked for.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    AppArmorProfile, Capabilities, Container, HTTPGetAction, LifecycleHandler, PodSpec, PodTemplateSpec, Probe,
    SELinuxOptions, SeccompProfile, SecurityContext, TCPSocketAction, Volume,
};

const SAFE_SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
];
const SELINUX_TYPES: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// Every rule that a pod breaks, in words.
pub(crate) fn broken(template: &PodTemplateSpec) -> BTreeSet<String> {
    let mut broken = BTreeSet::new();
    let spec = template.spec.as_ref().expect("a pod has a specification");
    let annotations = template.metadata.iter().filter_map(|metadata| metadata.annotations.as_ref()).flatten();
    for (name, value) in
        annotations.filter(|(name, _)| name.starts_with("container.apparmor.security.beta.kubernetes.io/"))
    {
        if value != "runtime/default" && !value.starts_with("localhost/") {
            broken.insert(format!("annotation {name} is {value}"));
        }
    }
    of_pod(spec, &mut broken);
    for volume in spec.volumes.iter().flatten() {
        of_volume(volume, &mut broken);
    }
    // Ephemeral containers belong to no template: they come later, by another door.
    for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
        of_container(container, spec, &mut broken);
    }
    broken
}

fn of_pod(spec: &PodSpec, broken: &mut BTreeSet<String>) {
    for (name, value) in [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)] {
        if value == Some(true) {
            broken.insert(format!("{name} is true"));
        }
    }
    let Some(context) = &spec.security_context else { return };
    if context.run_as_user == Some(0) {
        broken.insert("runAsUser is 0".to_owned());
    }
    if context.windows_options.as_ref().is_some_and(|windows| windows.host_process == Some(true)) {
        broken.insert("hostProcess is true".to_owned());
    }
    of_profiles(context.app_armor_profile.as_ref(), context.se_linux_options.as_ref(), broken);
    for sysctl in context.sysctls.iter().flatten().filter(|sysctl| !SAFE_SYSCTLS.contains(&&*sysctl.name)) {
        broken.insert(format!("sysctl {} is set", sysctl.name));
    }
}

fn of_profiles(app_armor: Option<&AppArmorProfile>, se_linux: Option<&SELinuxOptions>, broken: &mut BTreeSet<String>) {
    if let Some(profile) = app_armor.filter(|profile| !["RuntimeDefault", "Localhost"].contains(&&*profile.type_)) {
        broken.insert(format!("AppArmor is {}", profile.type_));
    }
    if let Some(options) = se_linux {
        let set = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
        if !SELINUX_TYPES.contains(&options.type_.as_deref().unwrap_or_default())
            || set(&options.user)
            || set(&options.role)
        {
            broken.insert("SELinux options are not among those allowed".to_owned());
        }
    }
}

fn of_volume(volume: &Volume, broken: &mut BTreeSet<String>) {
    let allowed = [
        volume.config_map.is_some(),
        volume.csi.is_some(),
        volume.downward_api.is_some(),
        volume.empty_dir.is_some(),
        volume.ephemeral.is_some(),
        volume.persistent_volume_claim.is_some(),
        volume.projected.is_some(),
        volume.secret.is_some(),
    ];
    if volume.host_path.is_some() {
        broken.insert(format!("volume {} is a hostPath", volume.name));
    } else if !allowed.contains(&true) {
        broken.insert(format!("volume {} is of a kind that is not allowed", volume.name));
    }
}

fn of_container(container: &Container, spec: &PodSpec, broken: &mut BTreeSet<String>) {
    let of_pod = spec.security_context.clone().unwrap_or_default();
    let context = container.security_context.clone().unwrap_or_default();
    if context.privileged == Some(true) {
        broken.insert("privileged is true".to_owned());
    }
    if context.allow_privilege_escalation != Some(false) {
        broken.insert("allowPrivilegeEscalation is not false".to_owned());
    }
    if context.run_as_user == Some(0) {
        broken.insert("runAsUser is 0".to_owned());
    }
    if context.run_as_non_root.or(of_pod.run_as_non_root) != Some(true) {
        broken.insert("runAsNonRoot is not true".to_owned());
    }
    if context.proc_mount.as_ref().is_some_and(|mount| mount != "Default") {
        broken.insert("procMount is not Default".to_owned());
    }
    if context.windows_options.as_ref().is_some_and(|windows| windows.host_process == Some(true)) {
        broken.insert("hostProcess is true".to_owned());
    }
    of_seccomp(context.seccomp_profile.as_ref().or(of_pod.seccomp_profile.as_ref()), broken);
    of_profiles(context.app_armor_profile.as_ref(), context.se_linux_options.as_ref(), broken);
    of_capabilities(&context, broken);
    of_hosts(container, broken);
}

fn of_seccomp(profile: Option<&SeccompProfile>, broken: &mut BTreeSet<String>) {
    let kind = profile.map_or("not set", |profile| &profile.type_);
    if !["RuntimeDefault", "Localhost"].contains(&kind) {
        broken.insert(format!("seccomp is {kind}"));
    }
}

fn of_capabilities(context: &SecurityContext, broken: &mut BTreeSet<String>) {
    let Capabilities { add, drop } = context.capabilities.clone().unwrap_or_default();
    if !drop.unwrap_or_default().iter().any(|name| name == "ALL") {
        broken.insert("not ALL capabilities are dropped".to_owned());
    }
    for name in add.unwrap_or_default() {
        if name != "NET_BIND_SERVICE" {
            broken.insert(format!("capability {name} is added"));
        }
    }
}

/// Ports of the node, and probes and hooks that make the kubelet ask somebody else.
fn of_hosts(container: &Container, broken: &mut BTreeSet<String>) {
    for port in container.ports.iter().flatten().filter(|port| port.host_port.is_some_and(|port| port != 0)) {
        broken.insert(format!("port {} is the node's", port.container_port));
    }
    let asked = |http: &Option<HTTPGetAction>, tcp: &Option<TCPSocketAction>| {
        let hosts = [http.as_ref().and_then(|http| http.host.as_ref()), tcp.as_ref().and_then(|tcp| tcp.host.as_ref())];
        hosts.into_iter().flatten().any(|host| !host.is_empty())
    };
    let probes = [&container.liveness_probe, &container.readiness_probe, &container.startup_probe];
    let of_probe = |probe: &Probe| asked(&probe.http_get, &probe.tcp_socket);
    let hooks = container.lifecycle.iter().flat_map(|lifecycle| [&lifecycle.post_start, &lifecycle.pre_stop]);
    let of_hook = |hook: &LifecycleHandler| asked(&hook.http_get, &hook.tcp_socket);
    if probes.into_iter().flatten().any(of_probe) || hooks.flatten().any(of_hook) {
        broken.insert("a probe or hook names a host".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A pod that breaks nothing.
    fn good() -> Value {
        json!({"metadata": {"annotations": {}}, "spec": {
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "c", "ports": [{"containerPort": 1}],
                "livenessProbe": {"httpGet": {"port": 1}}, "lifecycle": {"preStop": {"tcpSocket": {"port": 1}}},
                "securityContext": {"allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}],
            "volumes": [{"name": "v", "emptyDir": {}}]}})
    }

    fn of(pod: Value) -> Vec<String> {
        broken(&serde_json::from_value(pod).unwrap()).into_iter().collect()
    }

    #[test]
    fn a_pod_that_keeps_every_rule_breaks_none() {
        assert_eq!(of(good()), Vec::<String>::new());
    }

    #[test]
    fn each_rule_is_seen_to_be_broken() {
        let (pod, container) = ("/spec/securityContext", "/spec/containers/0/securityContext");
        for (place, name, value, said) in [
            (
                "/metadata/annotations",
                "container.apparmor.security.beta.kubernetes.io/c",
                json!("unconfined"),
                "annotation",
            ),
            ("/spec", "hostNetwork", json!(true), "hostNetwork is true"),
            ("/spec", "hostPID", json!(true), "hostPID is true"),
            ("/spec", "hostIPC", json!(true), "hostIPC is true"),
            ("/spec", "volumes", json!([{"name": "v", "hostPath": {"path": "/"}}]), "volume v is a hostPath"),
            ("/spec", "volumes", json!([{"name": "v", "nfs": {"path": "/", "server": "s"}}]), "volume v is of a kind"),
            (pod, "runAsUser", json!(0), "runAsUser is 0"),
            (pod, "runAsNonRoot", json!(false), "runAsNonRoot is not true"),
            (pod, "windowsOptions", json!({"hostProcess": true}), "hostProcess is true"),
            (pod, "sysctls", json!([{"name": "kernel.msgmax", "value": "1"}]), "sysctl kernel.msgmax"),
            (pod, "seccompProfile", json!({"type": "Unconfined"}), "seccomp is Unconfined"),
            (pod, "seccompProfile", Value::Null, "seccomp is not set"),
            (pod, "appArmorProfile", json!({"type": "Unconfined"}), "AppArmor is Unconfined"),
            (pod, "seLinuxOptions", json!({"type": "spc_t"}), "SELinux"),
            (container, "seLinuxOptions", json!({"user": "root"}), "SELinux"),
            (container, "appArmorProfile", json!({"type": "Unconfined"}), "AppArmor is Unconfined"),
            (container, "privileged", json!(true), "privileged is true"),
            (container, "allowPrivilegeEscalation", Value::Null, "allowPrivilegeEscalation is not false"),
            (container, "runAsUser", json!(0), "runAsUser is 0"),
            (container, "runAsNonRoot", json!(false), "runAsNonRoot is not true"),
            (container, "procMount", json!("Unmasked"), "procMount is not Default"),
            (container, "seccompProfile", json!({"type": "Unconfined"}), "seccomp is Unconfined"),
            (container, "windowsOptions", json!({"hostProcess": true}), "hostProcess is true"),
            (container, "capabilities", json!({}), "not ALL capabilities are dropped"),
            (container, "capabilities", json!({"drop": ["ALL"], "add": ["CHOWN"]}), "capability CHOWN is added"),
            ("/spec/containers/0/ports/0", "hostPort", json!(80), "port 1 is the node's"),
            ("/spec/containers/0/livenessProbe/httpGet", "host", json!("h"), "a probe or hook names a host"),
            ("/spec/containers/0/lifecycle/preStop/tcpSocket", "host", json!("h"), "a probe or hook names a host"),
        ] {
            let mut bad = good();
            bad.pointer_mut(place).unwrap()[name] = value;
            let said_of_it = of(bad);
            assert!(said_of_it.len() == 1 && said_of_it[0].starts_with(said), "{place}/{name}: {said_of_it:?}");
        }
    }
}
