"""Puts ruptures, scipy and statsmodels beside fgm-agent on the same pieces of series, with the same rules for what is right.

    cargo run --release -p fgm-benches --bin quality -- --seeds 101 --dump pieces.jsonl
    python benches/quality/side_by_side.py pieces.jsonl

Needs the packages ruptures, scipy, statsmodels and numpy. Each piece has 7,200 readings. All are asked once, one after the other, on one
thread, but for waves, where the best of five rounds counts; fgm-agent's times were taken when the pieces were written, by the same machine,
in the same way.

- ruptures: PELT with cost l2, at least 8 readings in a segment, in its two forms: `KernelCPD` (C, every position) and `Pelt` (Python, every
  fifth position, on some of the pieces for it is slow). The penalty is a factor times log(n) times the variance of a reading; of several
  factors the one with the best F1 on these very pieces is told, which nobody could know beforehand.
- scipy: peaks of the periodogram of the detrended piece, the highest first, without those beside one of these and its harmonics; theilslopes.
- statsmodels: the autocorrelation's first peak, which is a period and nothing else; that with `seasonal_decompose` of this period, which
  also tells how big the wave is; that again and again of what is left, which finds several waves; and, on some of the pieces for it is
  slow, the first peak with the robust `STL`, which bursts and drift don't move, as they don't move what fgm-agent tells.

How high a peak has to be is chosen like the penalty: of several heights the one with the best F1 on these very pieces.
"""

import json
import os
import sys
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]:
    os.environ[name] = "1"

import numpy as np
import ruptures
import scipy
import scipy.signal
import scipy.stats
import statsmodels
from statsmodels.tsa.seasonal import STL, seasonal_decompose
from statsmodels.tsa.stattools import acf

WITHIN = 5
LEAST_CHANGE = 3.0
LEAST_WAVE = 2.0
ROUNDS = 5


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    pieces = [json.loads(line) for line in open(sys.argv[1])]
    print(f"{len(pieces)} pieces; ruptures {ruptures.__version__}, scipy {scipy.__version__}, statsmodels {statsmodels.__version__}\n")
    changes([piece for piece in pieces if piece["planted"]["changes"]])
    waves = [piece for piece in pieces if any(sigmas >= LEAST_WAVE for _, sigmas in piece["planted"]["periods"])]
    one, two = ([piece for piece in waves if len(piece["planted"]["periods"]) == count] for count in [1, 2])
    others = {
        "scipy periodogram": (periodogram, RATIOS),
        "statsmodels acf": (autocorrelation, HEIGHTS),
        "acf and decompose": (with_sizes(classical), HEIGHTS),
        "the same, repeated": (repeated, HEIGHTS),
    }
    periods("one wave", one, others, ROUNDS)
    periods("one wave", one[:SLOW], {"acf and robust STL": (with_sizes(robust), [0.2])}, 1)
    periods("two waves at once", two, others, ROUNDS)
    # A leak that holds for a part of a piece has no slope that all could be asked for.
    if leaks := [piece for piece in pieces if piece["planted"]["leaks"]]:
        slopes(leaks)


def timed(run, *arguments):
    begun = time.perf_counter()
    found = run(*arguments)
    return found, (time.perf_counter() - begun) * 1000


def best_of(rounds, run, *arguments):
    results = [timed(run, *arguments) for _ in range(rounds)]
    return results[0][0], min(took for _, took in results)


FACTORS = [3, 10, 30, 100, 300]
# Times the median of the periodogram.
RATIOS = [30, 100, 300, 1000, 3000, 10000]
# Of peaks of the autocorrelation.
HEIGHTS = [0.1, 0.2, 0.3, 0.4, 0.5]
MOST_WAVES = 3
SLOW = 10


def changes(pieces):
    ours = Tally()
    for piece in pieces:
        ours.changes(piece, piece["found"]["changes"], piece["ms"]["changes"])
    kernel = best(pieces, lambda values: ruptures.KernelCPD(kernel="linear", min_size=8).fit(values))
    what = "changes, steps of 3 sigmas and more within 5 readings"
    report(what, len(pieces), [("fgm-agent", ours), ("ruptures KernelCPD", kernel)])
    some = pieces[:SLOW]
    ours = Tally()
    for piece in some:
        ours.changes(piece, piece["found"]["changes"], piece["ms"]["changes"])
    pelt = best(some, lambda values: ruptures.Pelt(model="l2", min_size=8, jump=5).fit(values))
    report(what, len(some), [("fgm-agent", ours), ("ruptures Pelt", pelt)])


def best(pieces, fit):
    """The penalty with the best F1."""
    tallies = []
    for factor in FACTORS:
        tally = Tally()
        for piece in pieces:
            values = np.array(piece["values"])
            variance = (np.median(np.abs(np.diff(values))) * 1.4826) ** 2 / 2
            penalty = factor * np.log(len(values)) * max(variance, 1e-30)
            tally.changes(piece, *timed(lambda: fit(values).predict(pen=penalty)[:-1]))
        tallies.append(tally)
    return max(tallies, key=Tally.f1)


def periods(what, pieces, others, rounds):
    ours = Tally()
    for piece in pieces:
        ours.periods(piece, piece["found"]["periods"], piece["ms"]["periods"])
    tallies = [("fgm-agent", ours)]
    for name, (run, heights) in others.items():
        of_heights = []
        for height in heights:
            tally = Tally()
            for piece in pieces:
                tally.periods(piece, *best_of(rounds, run, np.array(piece["values"]), height))
            of_heights.append(tally)
        tallies.append((name, max(of_heights, key=Tally.f1)))
    report(f"periods, {what}, of 2 sigmas and more within 2 %", len(pieces), tallies)


def periodogram(values, ratio):
    frequencies, power = scipy.signal.periodogram(scipy.signal.detrend(values), fs=1.0)
    peaks, _ = scipy.signal.find_peaks(power, height=np.median(power) * ratio)
    kept = []
    for peak in sorted(peaks, key=lambda peak: -power[peak]):
        times = [(peak / other, round(peak / other)) for other in kept]
        is_known = any(abs(exact - whole) < 0.02 * whole for exact, whole in times) or any(abs(peak - other) <= 3 for other in kept)
        if frequencies[peak] > 3 / len(values) and not is_known:
            kept.append(peak)
    return [1 / frequencies[peak] for peak in kept]


def autocorrelation(values, height):
    known = acf(scipy.signal.detrend(values), nlags=len(values) // 3, fft=True)
    peaks, _ = scipy.signal.find_peaks(known, height=height, prominence=height / 2)
    return list(peaks[:1].astype(float))


def classical(values, period):
    return seasonal_decompose(values, period=period).seasonal


def robust(values, period):
    return STL(values, period=period, robust=True).fit().seasonal


def with_sizes(wave):
    """Finds the periods of which there is a wave."""

    def run(values, height):
        return [period for period in autocorrelation(values, height) if np.ptp(wave(values, int(period))) > 0]

    return run


def repeated(values, height):
    found = []
    while len(found) < MOST_WAVES and (periods := autocorrelation(values, height)):
        values = values - classical(values, int(periods[0]))
        found += periods
    return found


def slopes(pieces):
    errors = {"fgm-agent": [], "scipy theilslopes": []}
    ms = {"fgm-agent": 0.0, "scipy theilslopes": 0.0}
    for piece in pieces:
        true = piece["planted"]["leaks"][0]
        found = piece["found"]["slopes"]
        errors["fgm-agent"].append(abs(found[-1] / true - 1) if found else np.inf)
        ms["fgm-agent"] += piece["ms"]["slopes"]
        slope, took = timed(lambda values: scipy.stats.theilslopes(values, np.arange(len(values)))[0], np.array(piece["values"]))
        errors["scipy theilslopes"].append(abs(slope / true - 1))
        ms["scipy theilslopes"] += took
    print(f"## slopes of leaks, {len(pieces)} pieces\n")
    for name in errors:
        print(f"{name:20} median error {np.median(errors[name]):.5f}, worst {np.max(errors[name]):.5f}, "
              f"{ms[name] / max(len(pieces), 1):8.2f} ms each")
    print(f"{ms['scipy theilslopes'] / max(ms['fgm-agent'], 1e-9):.0f} times faster\n")


class Tally:
    def __init__(self):
        self.found = self.missed = self.wrong = 0
        self.ms = 0.0

    def changes(self, piece, found, ms):
        self.ms += ms
        planted = piece["planted"]["changes"]
        is_found = [False] * len(planted)
        for at in found:
            nearest = min(range(len(planted)), key=lambda index: abs(planted[index][0] - at))
            position, sigmas = planted[nearest]
            if abs(position - at) <= WITHIN and not is_found[nearest]:
                is_found[nearest] = True
            # A smaller one is not exactly placed by anybody.
            elif abs(sigmas) >= LEAST_CHANGE or abs(position - at) > 300 or is_found[nearest]:
                self.wrong += 1
            else:
                is_found[nearest] = True
        for (_, sigmas), hit in zip(planted, is_found):
            if abs(sigmas) >= LEAST_CHANGE:
                self.found += hit
                self.missed += not hit

    def periods(self, piece, found, ms):
        self.ms += ms
        planted = piece["planted"]["periods"]
        is_found = [False] * len(planted)
        for period in found:
            near = [index for index, (known, _) in enumerate(planted) if abs(period / known - 1) <= 0.02]
            if near:
                is_found[near[0]] = True
            else:
                self.wrong += 1
        for (_, sigmas), hit in zip(planted, is_found):
            if sigmas >= LEAST_WAVE:
                self.found += hit
                self.missed += not hit

    def f1(self):
        return 2 * self.found / max(2 * self.found + self.missed + self.wrong, 1)


def report(what, count, tallies):
    print(f"## {what}, {count} pieces\n")
    tallies = list(tallies)
    for name, tally in tallies:
        print(f"{name:20} F1 {tally.f1():.3f}   found {tally.found}, missed {tally.missed}, wrong {tally.wrong}, "
              f"{tally.ms / max(count, 1):8.2f} ms each, {tally.ms / max(tallies[0][1].ms, 1e-9):.1f} times fgm-agent's")
    print()


if __name__ == "__main__":
    main()
