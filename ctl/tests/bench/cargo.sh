#!/bin/sh
# A stand-in for cargo. STAND_IN is the test's directory: calls (what it was called with), hold (a pipe to wait for),
# criterion (what is measured), exit (how it ends).
set -eu
if [ "$1" = run ]; then
    echo "$*" >>"$STAND_IN/calls"
    for word; do out=$word; done
    mkdir -p "$out"
    echo '{"scenario":"realistic","start_us":0,"end_us":86400000000,"facts":[]}' >"$out/truth.json"
    exit 0
fi
echo "$* [BENCH_DATA=$BENCH_DATA]" >>"$STAND_IN/calls"
echo "Benchmarking all that was asked for"
# Opening waits for the test to open its end, reading for the test to close it.
if [ -p "$STAND_IN/hold" ]; then cat "$STAND_IN/hold"; fi
mkdir -p "$CRITERION_HOME"
cp -R "$STAND_IN/criterion/." "$CRITERION_HOME"
exit "$(cat "$STAND_IN/exit")"
