//! Who is called what by now: names that came after a row was written reach it when its file is merged.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::input::Input;
use crate::model::Identity;
use crate::store::naming::overlaid;
use crate::store::shared::State;
use crate::subject::Owner;
use crate::table::Table;

/// The newest identities of the containers and pods that some files are about.
#[derive(Debug, Default)]
pub(in crate::store) struct Names {
    containers: HashMap<String, Arc<Identity>>,
    /// A container of each pod, with the pod's names.
    pods: HashMap<String, Arc<Identity>>,
}

impl Names {
    /// Looks up whoever the inputs name.
    pub(in crate::store) fn known(state: &State, inputs: &[&Input]) -> Self {
        let (mut ids, mut pods): (HashSet<&str>, HashSet<&str>) = Default::default();
        for input in inputs {
            for entry in &input.footer.directory.containers {
                ids.insert(&entry.identity.container_id);
                pods.extend(entry.identity.pod_uid.as_deref());
            }
            for (position, column) in input.footer.directory.table.texts().iter().enumerate() {
                match column.name {
                    "container_id" => ids.extend(input.texts(position)),
                    "pod_uid" => pods.extend(input.texts(position)),
                    _ => {}
                }
            }
        }
        let mut names = Self::default();
        let of_pods = state.catalog.containers().filter(|known| known.pod_uid().is_some_and(|uid| pods.contains(uid)));
        let filed = ids.iter().filter_map(|id| state.catalog.container(id)).chain(of_pods);
        filed.for_each(|known| names.learn((&ids, &pods), &Arc::new(known.identity())));
        // The living are newer than what was filed.
        state.tail.live_identities().for_each(|identity| names.learn((&ids, &pods), identity));
        names
    }

    fn learn(&mut self, (ids, pods): (&HashSet<&str>, &HashSet<&str>), identity: &Arc<Identity>) {
        if ids.contains(identity.container_id.as_str()) {
            let filed = self.containers.get(&identity.container_id);
            let known = filed.map_or_else(|| Arc::clone(identity), |filed| overlaid(identity, filed));
            self.containers.insert(identity.container_id.clone(), known);
        }
        if let Some(uid) = identity.pod_uid.as_deref().filter(|uid| identity.pod.is_some() && pods.contains(uid)) {
            self.pods.insert(uid.to_owned(), Arc::clone(identity));
        }
    }

    /// A container or pod with what is known of it by now.
    pub(super) fn identity(&self, table: Table, filed: &Identity) -> Arc<Identity> {
        if table != Table::Pods {
            let known = self.containers.get(&filed.container_id);
            return known.map_or_else(|| Arc::new(filed.clone()), |known| overlaid(known, filed));
        }
        let Some(named) = self.pods.get(&filed.container_id) else { return Arc::new(filed.clone()) };
        Arc::new(Identity {
            pod: named.pod.clone(),
            namespace: named.namespace.clone().or_else(|| filed.namespace.clone()),
            workload: named.workload.clone().or_else(|| filed.workload.clone()),
            ..filed.clone()
        })
    }

    /// The text columns of a row with its owner's names.
    pub(super) fn named(&self, table: Table, texts: &Arc<[Option<Arc<str>>]>) -> Arc<[Option<Arc<str>>]> {
        let position = |name: &str| table.texts().iter().position(|column| column.name == name);
        let text = |name: &str| position(name).and_then(|position| texts[position].as_deref()).map(str::to_owned);
        let owner = Owner {
            container_id: text("container_id"),
            pod_uid: text("pod_uid"),
            pod: text("pod"),
            namespace: text("namespace"),
            container: text("container"),
            workload: text("workload"),
        };
        let identity = match (&owner.container_id, &owner.pod_uid) {
            (Some(id), _) => self.containers.get(id),
            (None, Some(uid)) => self.pods.get(uid),
            (None, None) => None,
        };
        let Some(identity) = identity else { return Arc::clone(texts) };
        let named = owner.clone().named(identity);
        if named == owner {
            return Arc::clone(texts);
        }
        let names = [
            ("pod_uid", named.pod_uid),
            ("pod", named.pod),
            ("namespace", named.namespace),
            ("container", named.container),
            ("workload", named.workload),
        ];
        let mut texts = texts.to_vec();
        for (name, value) in names {
            // A pod's uid is a part of what the rows of networks are sorted by.
            let is_key = table == Table::Network && name == "pod_uid";
            if let Some(position) = position(name).filter(|_| !is_key) {
                texts[position] = value.map(Arc::from);
            }
        }
        Arc::from(texts)
    }
}
