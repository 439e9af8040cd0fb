"""Runs every query of a document on a data directory.

    queries.py DATA DOCUMENT.md

SQL runs in DuckDB, Python as a program of its own, both with the data directory as the current one, as the document says.
Exits 1 where one fails, or where a table that a query names has no file: then the query was not run at all.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb


def main():
    data, text = Path(sys.argv[1]), Path(sys.argv[2]).read_text()
    os.chdir(data)
    failed = 0
    blocks = re.findall(r"^```(sql|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for language, code in blocks:
        first = code.strip().splitlines()[0]
        try:
            print(f"{language}: {run_sql(code) if language == 'sql' else run_python(code)}: {first}")
        except Exception as error:
            failed += 1
            print(f"{language} FAILED: {first}\n{error}", file=sys.stderr)
    print(f"{len(blocks)} queries, {failed} failed")
    sys.exit(bool(failed) or not blocks)


def run_sql(code):
    """Times become text: a time with a zone would need another package."""
    code = code.strip().rstrip(";")
    return f"{duckdb.connect().execute(f'SELECT count(*), count(COLUMNS(*)) FROM ({code})').fetchone()[0]} rows"


def run_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return f"{len(done.stdout.splitlines())} lines"


if __name__ == "__main__":
    main()
