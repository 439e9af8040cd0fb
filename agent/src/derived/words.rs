//! A formula as people read it.

use crate::derived::formula::Formula;
use crate::table::Table;

/// The formula in words, with the names of the table's columns.
#[must_use]
pub(super) fn formula(formula: &Formula, table: Table) -> String {
    let name = |column: &usize| table.column_name(*column);
    let sum = |columns: &[usize]| columns.iter().map(name).collect::<Vec<_>>().join(" + ");
    match formula {
        Formula::Reading(column) => name(column).to_owned(),
        Formula::Limit(column) => format!("{}, none where there is no limit", name(column)),
        Formula::Rate { counters, scale } => format!("increase of {} per second{}", sum(counters), factor(*scale)),
        Formula::ShareOfIncreases { part, whole } => {
            format!("100 x increase of {} / increase of {}", sum(part), sum(whole))
        }
        Formula::RateOfQuota { counter, quota, period } => {
            let [counter, quota, period] = [counter, quota, period].map(name);
            format!("100 x increase of {counter} per microsecond / ({quota} / {period})")
        }
        Formula::Difference { from, less } => format!("{} - {}, at least 0", name(from), name(less)),
        Formula::Share { of, less: None, whole } => format!("100 x {} / {}", name(of), name(whole)),
        Formula::Share { of, less: Some(less), whole } => {
            format!("100 x ({} - {}, at least 0) / {}", name(of), name(less), name(whole))
        }
        Formula::Quotient { over, under } => format!("{} / {}", name(over), name(under)),
    }
}

fn factor(scale: f64) -> String {
    if scale == 1.0 {
        return String::new();
    }
    if scale < 1.0 { format!(" / {}", 1.0 / scale) } else { format!(" x {scale}") }
}

#[cfg(test)]
mod tests {
    use crate::derived;

    #[test]
    fn formulas_read_as_people_write_them() {
        let words = |name| derived::named(name).unwrap().formula_in_words();
        assert_eq!(words("memory_current_bytes"), "memory_current_bytes");
        assert_eq!(words("cpu_usage_cores"), "increase of cpu_usage_usec per second / 1000000");
        assert_eq!(words("io_read_bytes_per_second"), "increase of io_read_bytes per second");
        assert_eq!(words("cpu_throttled_percent"), "100 x increase of cpu_nr_throttled / increase of cpu_nr_periods");
        assert_eq!(
            words("memory_working_set_limit_percent"),
            "100 x (memory_current_bytes - memory_stat_inactive_file_bytes, at least 0) / memory_max_bytes"
        );
        assert_eq!(words("memory_max_bytes"), "memory_max_bytes, none where there is no limit");
    }
}
