"""Asks DuckDB, Polars and fgm-agent for the same series from the same files, one after the other.

    python benches/compare/compare.py testdata/bench/realistic

Needs the packages duckdb, polars and pyarrow. Prints the queries, the medians and the ratios, and stops where two disagree on
what the answer is. All have two threads, files in the page cache, and a turn to warm up; DuckDB keeps footers in memory as the
agent does. DuckDB and Polars hand over Arrow, the agent its answer before it is written as JSON or Arrow.

The agent's answers are in order by container and time, and hold the gaps as well. The others are asked for the same order, which
is the ratio that the aim is about, and once more for rows as they come, which no chart can be drawn of.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

THREADS = 2
TURNS = 15
os.environ["POLARS_MAX_THREADS"] = str(THREADS)

import duckdb
import polars

ROOT = Path(__file__).resolve().parents[2]
AIMS = {"DuckDB": 10, "Polars": 5}

SQL = """SELECT container_id, time, {metric}
FROM '{files}'
WHERE {who}time >= make_timestamptz({from_us}) AND time < make_timestamptz({to_us}) AND {metric} IS NOT NULL"""
ORDER = "\nORDER BY container_id, time"

POLARS = """polars.scan_parquet({files!r}).filter({who}{from_us} <= polars.col("time"), polars.col("time") < {to_us},
    polars.col({metric!r}).is_not_null()).select("container_id", "time", {metric!r}){order}.collect()"""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    data = Path(sys.argv[1]).resolve()
    questions = fgm_agent(data)
    print(f"{data.name}: {machine()}, duckdb {duckdb.__version__}, polars {polars.__version__}, median of {TURNS} turns\n")
    missed = 0
    for name, question in questions.items():
        print(f"## {name}\n\n{sql(data, question, True)}\n\n{polars_text(data, question, True)}\n")
        print("as it comes: without the last line of SQL, without .sort\n")
        print(f"fgm-agent          {question['median_ms']:8.2f} ms   {question['points']} points")
        for engine, run in [("DuckDB", duckdb_runner), ("Polars", polars_runner)]:
            for order in [True, False]:
                median_ms = measure(run(data, question, order), question)
                ratio = median_ms / question["median_ms"]
                says = "in order" if order else "as it comes"
                aim = "" if not order else f"   (aim {AIMS[engine]}x{'' if ratio >= AIMS[engine] else ', MISSED'})"
                missed += order and ratio < AIMS[engine]
                print(f"{engine} {says:12}{median_ms:8.2f} ms   {ratio:6.1f}x{aim}")
        print()
    sys.exit(missed > 0)


def fgm_agent(data):
    """What the project's own benchmark measures and asks, by the benchmark's name."""
    wanted = "get_timeseries_(single_container|all_containers)/gauge"
    run = ["cargo", "bench", "-q", "-p", "fgm-benches", "--bench", "query", "--", wanted]
    done = subprocess.run(run, cwd=ROOT, env=os.environ | {"BENCH_DATA": str(data)}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the benchmark failed:\n{done.stderr}")
    questions = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            question = json.loads(line)
            measured = ROOT / "target/criterion" / question["benchmark"].replace("/", "_") / "new/estimates.json"
            question["median_ms"] = json.loads(measured.read_text())["median"]["point_estimate"] / 1e6
            questions[question["benchmark"]] = question
    return questions


def sql(data, question, order=False):
    containers = question["containers"]
    who = f"container_id = '{containers[0]}' AND " if containers else ""
    files = data / "containers/*/*/*.parquet"
    return SQL.format(who=who, files=files, **question) + (ORDER if order else "")


def duckdb_runner(data, question, order):
    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}; SET parquet_metadata_cache = true; SET TimeZone = 'UTC'")
    text = sql(data, question, order)
    return lambda: connection.sql(text).to_arrow_table().num_rows


def polars_text(data, question, order):
    """The query as it is shown and run."""
    times = {name: f"polars.lit({question[name]}).cast(polars.Datetime('us', 'UTC'))" for name in ["from_us", "to_us"]}
    containers = question["containers"]
    return POLARS.format(
        files=str(data / "containers/*/*/*.parquet"),
        who=f'polars.col("container_id") == {containers[0]!r}, ' if containers else "",
        metric=question["metric"],
        order='.sort("container_id", "time")' if order else "",
        **times,
    )


def polars_runner(data, question, order):
    query = compile(polars_text(data, question, order), "polars", "eval")
    return lambda: eval(query).height


def measure(run, question):
    """The median of a few turns in milliseconds, after one to warm up."""
    rows = run()
    if rows != question["points"]:
        sys.exit(f"they disagree: {rows} rows, but fgm-agent told {question['points']} points")
    taken = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        run()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def machine():
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{os.cpu_count()} CPUs, {models[0].split(':')[1].strip() if models else os.uname().machine}"


if __name__ == "__main__":
    main()
