"""Computes points, rates and buckets in DuckDB from a data directory, and compares them with what the agent answered.

    duckdb_answers.py DATA ANSWERS.json

Exits 1 with the first differences.
"""

import json
import sys
from pathlib import Path

import duckdb

READINGS = """
    SELECT container_id, epoch_us(time) AS t, cpu_usage_usec AS cpu, memory_current_bytes AS memory
    FROM '{files}'
"""

POINTS = """
    SELECT container_id, t, memory::DOUBLE FROM readings
    WHERE memory IS NOT NULL AND t >= $from AND t < $to ORDER BY container_id, t
"""

# The increase since the row before, unless more than two and a half seconds ago; a counter that fell began again at 0.
RATES = """
    WITH steps AS (
        SELECT container_id, t, cpu, lag(cpu) OVER one AS cpu_before, lag(t) OVER one AS t_before
        FROM readings WINDOW one AS (PARTITION BY container_id ORDER BY t)
    )
    SELECT container_id, t, (CASE WHEN cpu < cpu_before THEN cpu ELSE cpu - cpu_before END) / (t - t_before)::DOUBLE
    FROM steps
    WHERE t - t_before <= 2500000 AND t >= $from AND t < $to ORDER BY container_id, t
"""

BUCKETS = """
    SELECT container_id, t - t % $width AS start, min(memory), max(memory), avg(memory), arg_max(memory, t)
    FROM readings
    WHERE memory IS NOT NULL AND t >= $from AND t < $to GROUP BY ALL ORDER BY container_id, start
"""


def main():
    data, told = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    connection = duckdb.connect()
    connection.execute("CREATE TABLE readings AS " + READINGS.format(files=data / "containers/*/*/*.parquet"))
    from_us, to_us = told["range"]
    whole = {"from": from_us, "to": to_us}
    bucket_from, bucket_to = told["bucket_range"]
    wide = {"from": bucket_from, "to": bucket_to, "width": told["width_us"]}
    differences = []
    for name, query, parameters in [("points", POINTS, whole), ("rates", RATES, whole), ("buckets", BUCKETS, wide)]:
        found = {}
        for container, *row in connection.execute(query, parameters).fetchall():
            found.setdefault(container, []).append(row)
        compare(name, told[name], found, differences)
        print(f"{name}: {sum(map(len, found.values()))} of {len(found)} containers compared")
    for difference in differences[:20]:
        print(difference, file=sys.stderr)
    sys.exit(bool(differences))


def compare(name, told, found, differences):
    if sorted(told) != sorted(found) or not told:
        differences.append(f"{name}: of containers {sorted(told)}, but DuckDB finds {sorted(found)}")
        return
    for container, rows in told.items():
        if len(rows) != len(found[container]):
            differences.append(f"{name} of {container}: {len(rows)}, but DuckDB finds {len(found[container])}")
            continue
        for mine, theirs in zip(rows, found[container]):
            if not all(near(a, b) for a, b in zip(mine, theirs, strict=True)):
                differences.append(f"{name} of {container}: {mine}, but DuckDB finds {theirs}")


def near(a, b):
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1)


if __name__ == "__main__":
    main()
