"""The 45 features, ours and those of polars and pandas, on the same panels, in turn, one at a time.

    features.py SHARED OURS N [ROUNDS [SIDE…]]

SHARED has bench/ and data/; OURS is a built features_bench; SIDE is polars or pandas, by default both. Panels go to BENCH_WORK. Prints the medians as
Markdown: CPU seconds without loading, peak memory of the process, and, for ours, one new session.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl

WORK = Path(os.environ["BENCH_WORK"])
FIELDS = ["open", "high", "low", "close", "volume"]


def export(names: int) -> Path:
    """The panel as features_bench reads it."""
    folder = WORK / f"ours_{names}"
    folder.mkdir(exist_ok=True)
    panel = pl.read_parquet(WORK / f"panel_{names}.parquet").with_columns(pl.col("date").cast(pl.Utf8).str.head(10))
    symbols, dates = (panel[column].unique().sort() for column in ("symbol", "date"))
    bars = np.full((len(dates), len(symbols), 6), np.nan)
    t, i = dates.search_sorted(panel["date"]).to_numpy(), symbols.search_sorted(panel["symbol"]).to_numpy()
    for k, field in enumerate([*FIELDS, "close"]):
        bars[t, i, k] = panel[field].to_numpy()
    bars.astype("<f8").tofile(folder / "bars.f64")
    panel.select("symbol", "sector").unique().sort("symbol").write_csv(folder / "symbols.csv")
    (folder / "dates.txt").write_text("\n".join(dates) + "\n")
    return folder


def measure(command: list[str], **environment: str) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    line = next(line for line in done.stdout.splitlines() if line.startswith("JSON "))
    figures = json.loads(line[5:])
    return {"cpu": figures["features_cpu"] + figures["cross_section_cpu"]} | figures if "features_cpu" in figures \
        else {"cpu": figures["total_cpu"]} | figures


def main() -> None:
    shared, ours, names, *more = sys.argv[1:]
    rounds, wanted = int(more[0]) if more else 3, more[1:]
    bench = Path(shared) / "bench"
    if not (WORK / f"panel_{names}.parquet").exists():
        subprocess.run([sys.executable, bench / "make_panels.py"], check=True, stdout=subprocess.DEVNULL)
    folder = export(int(names))
    sides = {
        "ours": lambda: measure([ours, str(folder)]),
        # on one thread
        "polars": lambda: measure([sys.executable, str(bench / "feat_polars.py"), names], POLARS_MAX_THREADS="1"),
        "pandas": lambda: measure([sys.executable, str(bench / "feat_pandas.py"), names]),
    }
    sides = {side: run for side, run in sides.items() if side == "ours" or side in (wanted or sides)}
    runs = {side: [] for side in sides}
    for _ in range(rounds):
        for side, run in sides.items():
            runs[side].append(run())
    median = {side: {key: statistics.median(run[key] for run in all_) for key in ("cpu", "maxrss_mb")}
              for side, all_ in runs.items()}
    print(f"\n| {names} names × 10 years | CPU | ratio | peak memory |\n|---|---|---|---|")
    for side, figures in median.items():
        ratio = figures["cpu"] / median["ours"]["cpu"]
        print(f"| {side} | {figures['cpu']:.2f} s | {ratio:.1f} | {figures['maxrss_mb']:.0f} MB |")
    sessions = [f"{key} {statistics.median(run[f'session_{key}_ms'] for run in runs['ours']):.2f} ms" for key in ("p50", "p99", "max")]
    print(f"\nours, one new session from bars to message: {', '.join(sessions)}")


if __name__ == "__main__":
    main()
