"""Records containers that do real work of several kinds, for comparisons on real data. Needs root, cgroup v1 or v2, and nothing but Python.

    cargo build --release --workspace
    python benches/quality/record.py --agent target/release/fgm-agent --data /tmp/recording --minutes 58
    target/release/generate-bench-data --like /tmp/recording --inject --duration 1h --seed 1 --out /tmp/like1
    target/release/quality --data /tmp/like1 --dump pieces.jsonl

Twenty-four containers, three of each kind, take about half a core together. Begin at the start of an hour: facts are put into whole hours,
and a piece has at least 5,000 readings of one. It ends by itself, and removes its cgroups.
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path("/sys/fs/cgroup")
CONTROLLERS = ["cpu", "cpuacct", "memory", "pids", "blkio"]
TOP = "fgmrecord-kubepods"
COUNT = 24


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(200))


def requests(dice):
    while True:
        burn(dice.expovariate(1 / 0.003))
        time.sleep(dice.expovariate(1 / 0.25))


def database(dice):
    import sqlite3

    store, rounds = sqlite3.connect(":memory:"), 0
    store.execute("create table t(a int, b text)")
    while True:
        store.executemany("insert into t values(?, ?)", [(dice.randrange(1000), "x" * dice.randrange(60)) for _ in range(200)])
        rounds += 1
        if rounds % dice.randrange(5, 40) == 0:
            store.execute("select a, count(*) from t group by a").fetchall()
        if rounds % 600 == 0:
            store.execute("delete from t")
        time.sleep(dice.uniform(0.1, 0.4))


def compression(dice):
    import zlib

    held = b""
    while True:
        held += bytes(dice.choices(range(97, 110), k=dice.randrange(2_000, 20_000)))
        if len(held) > 200_000:
            zlib.compress(held)
            held = b""
        time.sleep(dice.uniform(0.05, 0.3))


def collector(dice):
    import gc

    gc.disable()
    held = []
    while True:
        for _ in range(dice.randrange(200, 800)):
            one, other = [], []
            one.append(other)
            other.append(one)
            held.append(one)
        if len(held) > 30_000:
            held.clear()
            gc.collect()
        time.sleep(dice.uniform(0.05, 0.2))


def two_states(dice):
    is_busy, until = False, 0.0
    while True:
        if time.monotonic() > until:
            is_busy, until = not is_busy, time.monotonic() + dice.expovariate(1 / 40)
        burn(0.008 if is_busy else 0.001)
        time.sleep(0.2)


def documents(dice):
    import json

    while True:
        document = {str(at): [dice.random() for _ in range(10)] for at in range(dice.randrange(20, 120))}
        json.loads(json.dumps(document))
        time.sleep(dice.uniform(0.02, 0.25))


def walk(dice):
    load = 0.004
    while True:
        load = min(0.02, max(0.001, load * dice.uniform(0.95, 1.0527)))
        burn(load)
        time.sleep(0.25)


def files(dice):
    while True:
        with tempfile.TemporaryFile() as file:
            file.write(os.urandom(dice.randrange(1_000, 400_000)))
        time.sleep(dice.uniform(0.05, 0.4))


KINDS = [requests, database, compression, collector, two_states, documents, walk, files]


def cgroups(number):
    """The directories of a container: one on v2, one for each controller on v1."""
    path = f"{TOP}/burstable/pod00000000-0000-4000-8000-{number:012x}/{number + 4096:064x}"
    if (ROOT / "cgroup.controllers").exists():
        directory = ROOT
        for part in pathlib.PurePath(path).parts:
            (directory / "cgroup.subtree_control").write_text("+cpu +memory +pids +io")
            directory /= part
            directory.mkdir(exist_ok=True)
        return [directory]
    made = [ROOT / controller / path for controller in CONTROLLERS if (ROOT / controller).is_dir()]
    for directory in made:
        directory.mkdir(parents=True, exist_ok=True)
    return made


def remove_cgroups():
    # Symbolic links to hierarchies are left out by os.walk.
    for root in {(ROOT / name).resolve() for name in [".", *CONTROLLERS] if (ROOT / name).is_dir()}:
        for directory, _, _ in os.walk(root / TOP, topdown=False):
            os.rmdir(directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--agent", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, default=58)
    parser.add_argument("--interval", default="500ms")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work is not None:
        KINDS[args.work % len(KINDS)](random.Random(args.work))
    started = []
    try:
        for number in range(COUNT):
            places = cgroups(number)
            child = subprocess.Popen(["nice", "-n", "5", sys.executable, __file__, *sys.argv[1:], "--work", str(number)])
            started.append(child)
            for place in places:
                (place / "cgroup.procs").write_text(str(child.pid))
        agent = [args.agent, "run", "--interval", args.interval, "--listen", "127.0.0.1:0", "--data", args.data]
        agent = subprocess.Popen(agent)
        started.append(agent)
        try:
            agent.wait(args.minutes * 60)
            sys.exit(f"the agent ended too soon, with {agent.returncode}")
        except subprocess.TimeoutExpired:
            agent.send_signal(signal.SIGINT)
            agent.wait()
    finally:
        for child in started:
            child.kill()
            child.wait()
        remove_cgroups()


if __name__ == "__main__":
    main()
