//! The columns of the `containers` table, as every sealed file has them.
//!
//! Pure. All files have all columns, so that pandas, DuckDB and Polars see one schema over a directory. The surprise: no Arrow
//! schema is put into the file: Parquet's own types say all of it, and 40 kB of it in each footer would be a tenth of a small file.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::schema::types::TypePtr;

use crate::metric::METRICS;
use crate::model::Identity;

/// The column of a row's read time.
pub const TIME: &str = "time";
/// The column that says whether a row's totals are complete.
pub const FINAL: &str = "final";

/// A column of a container's identity.
#[derive(Clone, Copy, Debug)]
pub struct IdentityColumn {
    /// The column's name.
    pub name: &'static str,
    /// What it says of a container.
    pub get: fn(&Identity) -> Option<&str>,
}

const fn identity(name: &'static str, get: fn(&Identity) -> Option<&str>) -> IdentityColumn {
    IdentityColumn { name, get }
}

/// The identity columns in file order; the first one is never null.
pub const IDENTITY: [IdentityColumn; 9] = [
    identity("container_id", |identity| Some(&identity.container_id)),
    identity("parent_id", |identity| identity.parent_id.as_deref()),
    identity("pod_uid", |identity| identity.pod_uid.as_deref()),
    identity("pod", |identity| identity.pod.as_deref()),
    identity("namespace", |identity| identity.namespace.as_deref()),
    identity("container", |identity| identity.container.as_deref()),
    identity("workload", |identity| identity.workload.as_deref()),
    identity("qos_class", |identity| identity.qos_class.map(crate::model::QosClass::as_str)),
    identity("image", |identity| identity.image.as_deref()),
];

/// The columns before the metrics: time, identity, final.
pub const LEADING_COLUMNS: usize = IDENTITY.len() + 2;

/// The table's schema.
#[must_use]
pub fn arrow_schema() -> Schema {
    let time = Field::new(TIME, DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))), false);
    let text = |(index, column): (usize, &IdentityColumn)| Field::new(column.name, DataType::Utf8, index > 0);
    let leading = std::iter::once(time).chain(IDENTITY.iter().enumerate().map(text));
    let leading = leading.chain([Field::new(FINAL, DataType::Boolean, false)]);
    let metrics = METRICS.iter().map(|metric| Field::new(metric.name, DataType::Int64, true));
    Schema::new(leading.chain(metrics).collect::<Vec<Field>>())
}

/// The table's schema in Parquet's terms.
///
/// # Errors
/// None that input can cause.
pub fn parquet_schema() -> Result<TypePtr, ParquetError> {
    Ok(ArrowSchemaConverter::new().convert(&arrow_schema())?.root_schema_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_time_identity_final_and_every_metric() {
        let schema = arrow_schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let leading = "time container_id parent_id pod_uid pod namespace container workload qos_class image final";
        assert_eq!(names[..LEADING_COLUMNS].join(" "), leading);
        assert!(names[LEADING_COLUMNS..].iter().copied().eq(METRICS.iter().map(|metric| metric.name)));
        let required: Vec<&str> =
            schema.fields().iter().filter(|f| !f.is_nullable()).map(|f| f.name().as_str()).collect();
        assert_eq!(required, ["time", "container_id", "final"]);
    }
}
