//! Which files are read for every cgroup of a machine, and where their keys go: the catalogue, seen from one hierarchy.
//!
//! Decides only; opens nothing.

use std::path::{Path, PathBuf};

use crate::hierarchy::Hierarchy;
use crate::metric::{Class, Column, Convert, Format, METRICS, file_spec};
use crate::model::ColumnSet;

/// One file of a cgroup, and where its keys go.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    root: PathBuf,
    name: &'static str,
    /// Its shape.
    pub(super) format: Format,
    /// How often it is read.
    pub class: Class,
    /// Where its keys go.
    pub(super) slots: Vec<Slot>,
    /// The columns that come from it.
    pub columns: ColumnSet,
}

/// Where one key goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) key: &'static str,
    pub(super) column: Column,
    pub(super) convert: Convert,
}

impl PlannedFile {
    /// The file's name in the cgroup's directory.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where the file of a cgroup is.
    #[must_use]
    pub fn path(&self, cgroup: &str) -> PathBuf {
        self.sibling(cgroup, self.name)
    }

    pub(super) fn sibling(&self, cgroup: &str, name: &str) -> PathBuf {
        self.root.join(cgroup.trim_start_matches('/')).join(name)
    }
}

/// The files to read for every cgroup of a machine, from the catalogue.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The files, each once.
    pub files: Vec<PlannedFile>,
    /// The columns of limits.
    pub limit_columns: ColumnSet,
    /// The columns that every pass reads: totals, peaks, events among them.
    pub fast_columns: ColumnSet,
    /// Columns that this kind of hierarchy never has.
    pub absent: ColumnSet,
}

impl Plan {
    /// What the catalogue says for this machine's hierarchies.
    #[must_use]
    pub fn new(hierarchy: &Hierarchy) -> Self {
        let mut plan = Self {
            files: Vec::new(),
            limit_columns: ColumnSet::EMPTY,
            fast_columns: ColumnSet::EMPTY,
            absent: ColumnSet::EMPTY,
        };
        // What comes from no cgroup file at all is given by others.
        let of_cgroups = METRICS.iter().enumerate().filter(|(_, metric)| metric.v2.or(metric.v1).is_some());
        for (column, metric) in of_cgroups {
            let place = hierarchy.source(metric).and_then(|source| Some((source, hierarchy.tree(source.tree)?)));
            let Some((source, root)) = place else {
                plan.absent.insert(column);
                continue;
            };
            match file_spec(source.file).class {
                Class::Fast => plan.fast_columns.insert(column),
                Class::Limit => plan.limit_columns.insert(column),
                Class::Stat => {}
            }
            let file = plan.file(root, source.file);
            file.slots.push(Slot { key: source.key, column, convert: source.convert });
            file.columns.insert(column);
        }
        plan
    }

    fn file(&mut self, root: &Path, name: &'static str) -> &mut PlannedFile {
        let index = self.files.iter().position(|file| file.name == name && file.root == root).unwrap_or_else(|| {
            let spec = file_spec(name);
            self.files.push(PlannedFile {
                root: root.to_owned(),
                name,
                format: spec.format,
                class: spec.class,
                slots: Vec::new(),
                columns: ColumnSet::EMPTY,
            });
            self.files.len() - 1
        });
        &mut self.files[index]
    }
}
