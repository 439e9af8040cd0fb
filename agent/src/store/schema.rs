//! The columns of the `containers` table, as every sealed file has them.
//!
//! Pure. All files have all columns, so that pandas, DuckDB and Polars see one schema over a directory. The surprise: no Arrow
//! schema is put into the file: Parquet's own types say all of it, and 40 kB of it in each footer would be a tenth of a small file.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::schema::types::TypePtr;

use crate::table::Table;

/// The column of a row's read time.
pub const TIME: &str = "time";
/// The column that says whether a row's totals are complete; in `containers` and `pods` alone.
pub const FINAL: &str = "final";

/// Whether a table's rows say whether they are final.
#[must_use]
pub const fn has_final(table: Table) -> bool {
    matches!(table, Table::Containers | Table::Pods)
}

/// The number of columns before the number columns: time, texts, final.
#[must_use]
pub fn leading_columns(table: Table) -> usize {
    1 + table.texts().len() + usize::from(has_final(table))
}

/// A table's schema.
#[must_use]
pub fn arrow_schema(table: Table) -> Schema {
    let time = Field::new(TIME, DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))), false);
    let texts = table.texts().iter().map(|column| Field::new(column.name, DataType::Utf8, !column.required));
    let is_final = has_final(table).then(|| Field::new(FINAL, DataType::Boolean, false));
    let numbers = table.column_names().map(|name| Field::new(name, DataType::Int64, true));
    Schema::new(std::iter::once(time).chain(texts).chain(is_final).chain(numbers).collect::<Vec<Field>>())
}

/// A table's schema in Parquet's terms.
///
/// # Errors
/// None that input can cause.
pub fn parquet_schema(table: Table) -> Result<TypePtr, ParquetError> {
    Ok(ArrowSchemaConverter::new().convert(&arrow_schema(table))?.root_schema_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::METRICS;

    #[test]
    fn the_columns_are_time_texts_final_and_every_number() {
        let schema = arrow_schema(Table::Containers);
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let leading = "time container_id parent_id pod_uid pod namespace container workload qos_class image final";
        let count = leading_columns(Table::Containers);
        assert_eq!(names[..count].join(" "), leading);
        assert!(names[count..].iter().copied().eq(METRICS.iter().map(|metric| metric.name)));
        let required: Vec<&str> =
            schema.fields().iter().filter(|f| !f.is_nullable()).map(|f| f.name().as_str()).collect();
        assert_eq!(required, ["time", "container_id", "final"]);
    }

    #[test]
    fn no_table_has_two_columns_of_one_name() {
        for table in Table::ALL {
            let schema = arrow_schema(table);
            let mut names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}", table.name());
            assert_eq!(names.len(), leading_columns(table) + table.width());
        }
    }
}
