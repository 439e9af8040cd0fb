"""Reads a data directory with DuckDB, pandas and Polars and compares each with the numbers in a JSON file.

    readers.py DATA EXPECTED.json

Exits 1 with the first differences.
"""

import json
import sys
from pathlib import Path

import duckdb
import pandas
import polars

PARTITIONS = ["dt", "node"]


def main():
    data, expected = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    differences = []
    for name, read in [
        ("duckdb", duckdb_numbers),
        ("pandas", lambda data, names: pandas_numbers(data / "containers", names)),
        ("polars", polars_numbers),
    ]:
        columns = list(next(iter(expected["containers"].values()))["columns"])
        found = read(data, columns)
        before = len(differences)
        compare(name, expected, found, differences)
        print(f"{name}: {found['rows']} rows of {len(found['containers'])} containers", end="")
        print(" agree" if len(differences) == before else " DIFFER")
    for table, rows in expected["tables"].items():
        found = rows_of(data, table)
        print(f"{table}: {found}")
        if set(found.values()) != {rows}:
            differences.append(f"{table}: expected {rows} rows, found {found}")
    for difference in differences[:20]:
        print(difference, file=sys.stderr)
    sys.exit(bool(differences))


def compare(name, expected, found, differences):
    def check(what, want, got):
        if want != got:
            differences.append(f"{name}: {what}: expected {want}, found {got}")

    for key in ["rows", "final", "first_us", "last_us"]:
        check(key, expected[key], found[key])
    check("nodes", ["node-1"], found["nodes"])
    check("dates", True, all(len(date) == len("2026-11-23") for date in found["dates"]))
    check("containers", sorted(expected["containers"]), sorted(found["containers"]))
    for container, want in expected["containers"].items():
        got = found["containers"].get(container, {"columns": {}})
        for key in ["rows", "final", "first_us", "last_us"]:
            check(f"{container} {key}", want[key], got.get(key))
        for column, numbers in want["columns"].items():
            for key, number in numbers.items():
                # A sum of limits, and a sum of nothing, say nothing.
                if key == "sum" and (number is None or numbers["max"] is None):
                    continue
                check(f"{container} {column} {key}", number, got["columns"].get(column, {}).get(key))


def rows_of(data, table):
    """The rows of a table that each reader finds, with all of its columns read."""
    files = f"read_parquet('{data}/{table}/**/*.parquet', hive_partitioning = true)"
    return {
        "duckdb": duckdb.execute(f"SELECT count(*), count(COLUMNS(*)) FROM {files}").fetchone()[0],
        "pandas": len(pandas.read_parquet(data / table)),
        "polars": len(polars.read_parquet(data / table, hive_partitioning=True)),
    }


def duckdb_numbers(data, columns):
    table = f"read_parquet('{data}/containers/**/*.parquet', hive_partitioning = true)"
    totals = "count(*), count(*) FILTER (final), epoch_us(min(time)), epoch_us(max(time))"
    of_columns = ", ".join(f"count(*) - count({c}), max({c}), sum({c})" for c in columns)
    connection = duckdb.connect()

    def ask(query):
        return connection.execute(query).fetchall()

    rows, final, first, last = ask(f"SELECT {totals} FROM {table}")[0]
    partitions = [[str(row[0]) for row in ask(f"SELECT DISTINCT {name} FROM {table}")] for name in PARTITIONS]
    containers = {}
    query = f"SELECT container_id, {totals}, {of_columns} FROM {table} GROUP BY container_id"
    for id, count, ended, begin, end, *numbers in ask(query):
        numbers = [None if number is None else int(number) for number in numbers]
        containers[id] = container(count, ended, begin, end, columns, zip(*[iter(numbers)] * 3))
    return answer(rows, final, first, last, partitions, containers)


def pandas_numbers(directory, columns):
    # As people call it, and once more with integers that stay integers beside nulls.
    plain = pandas.read_parquet(directory)
    frame = pandas.read_parquet(directory, dtype_backend="numpy_nullable")
    assert len(plain) == len(frame) and set(columns) < set(plain.columns)
    assert str(plain["time"].dtype) == "datetime64[us, UTC]", plain["time"].dtype
    partitions = [[str(value) for value in plain[name].unique()] for name in PARTITIONS]

    def number(value):
        return None if pandas.isna(value) else int(value)

    def times(rows):
        us = rows["time"].astype("int64")
        return int(us.min()), int(us.max())

    containers = {}
    for id, rows in frame.groupby("container_id"):
        numbers = [(int(rows[c].isna().sum()), number(rows[c].max()), number(rows[c].sum())) for c in columns]
        containers[id] = container(len(rows), int(rows["final"].sum()), *times(rows), columns, numbers)
    return answer(len(frame), int(frame["final"].sum()), *times(frame), partitions, containers)


def polars_numbers(data, columns):
    frame = polars.read_parquet(data / "containers", hive_partitioning=True)
    partitions = [[str(value) for value in frame[name].unique().to_list()] for name in PARTITIONS]

    def times(rows):
        us = rows["time"].cast(polars.Int64)
        return us.min(), us.max()

    containers = {}
    for (id,), rows in frame.group_by("container_id"):
        numbers = [(rows[c].null_count(), rows[c].max(), rows[c].sum()) for c in columns]
        containers[id] = container(len(rows), rows["final"].sum(), *times(rows), columns, numbers)
    return answer(len(frame), frame["final"].sum(), *times(frame), partitions, containers)


def container(rows, final, first, last, columns, numbers):
    of_columns = {c: {"nulls": n, "max": largest, "sum": total} for c, (n, largest, total) in zip(columns, numbers)}
    return {"rows": rows, "final": final, "first_us": first, "last_us": last, "columns": of_columns}


def answer(rows, final, first, last, partitions, containers):
    dates, nodes = partitions
    totals = {"rows": rows, "final": final, "first_us": first, "last_us": last}
    return {**totals, "dates": dates, "nodes": nodes, "containers": containers}


if __name__ == "__main__":
    main()
