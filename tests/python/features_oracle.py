"""Our features against the oracle (features_ref.py), on its made-up panel and on real bars.

Both sides get the same CSV from the first session on, so they must agree in every session, the warm-up
included: which names are eligible, which values are missing, and the values to rtol 1e-9, atol 1e-12.

Real bars come from AURORA_REAL_DATA (default ../shared/data beside the checkout); without them that part
is skipped, and says so. FEATURES_DUMP names a built example; otherwise cargo builds it.

    python tests/python/features_oracle.py [--sessions 760]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import features_ref as oracle

ROOT = Path(__file__).resolve().parents[2]
FIELDS = ["open", "high", "low", "close", "volume"]
RTOL, ATOL = 1e-9, 1e-12


def synthetic_bars() -> pd.DataFrame:
    *fields, sectors = oracle.synthetic()
    dates = pd.bdate_range("2020-01-01", periods=len(sectors)).strftime("%Y-%m-%d")
    symbols = [f"S{i:03d}" for i in range(sectors.shape[1])]
    wide = {name: pd.DataFrame(a, index=dates, columns=symbols) for name, a in zip(FIELDS, fields)}
    bars = pd.concat({name: frame.stack() for name, frame in wide.items()}, axis=1)
    bars = bars.dropna().rename_axis(["date", "symbol"]).reset_index()
    return bars.assign(sector=bars.symbol.map(dict(zip(symbols, [f"sector {s}" for s in sectors[0]]))))


def real_bars(folder: Path, sessions: int) -> pd.DataFrame:
    universe = pd.read_csv(folder / "universe_130.csv")
    bars = pd.read_parquet(folder / "equities_daily.parquet")
    bars = bars[bars.symbol.isin(universe.symbol)]
    bars = bars.assign(date=pd.to_datetime(bars.date).dt.strftime("%Y-%m-%d"))
    # The same double on both sides: what the decimal text of the float32 says.
    for name in FIELDS:
        bars[name] = [float(str(x)) for x in bars[name]]
    bars = bars[bars.date.isin(sorted(bars.date.unique())[-sessions:])]
    return bars.merge(universe[["symbol", "sector"]], on="symbol")


def ours(bars: pd.DataFrame, sessions: int, folder: str) -> dict[str, pd.DataFrame]:
    prefix = f"{folder}/features"
    columns = ["symbol", "date", *FIELDS]
    bars[columns].to_csv(f"{prefix}_bars.csv", index=False)
    sectors = bars[["symbol", "sector"]].drop_duplicates().sort_values("symbol")
    sectors.to_csv(f"{prefix}_sectors.csv", index=False)
    built = os.environ.get("FEATURES_DUMP")
    cargo = "cargo run --quiet --release -p features --example features_dump --".split()
    arguments = ["--bars", f"{prefix}_bars.csv", "--sectors", f"{prefix}_sectors.csv",
                 "--last", str(sessions), "--out", prefix]
    subprocess.run([*([built] if built else cargo), *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return {tag: pd.read_csv(f"{prefix}_{tag}.csv").sort_values(["date", "symbol"]) for tag in ("raw", "xs")}


def theirs(bars: pd.DataFrame):
    wide = {name: bars.pivot(index="date", columns="symbol", values=name).sort_index() for name in FIELDS}
    symbols = wide["close"].columns
    codes = bars.drop_duplicates("symbol").set_index("symbol").sector.reindex(symbols).astype("category").cat.codes
    sectors = np.repeat(codes.to_numpy()[None], len(wide["close"]), 0)
    raw, xs, eligible = oracle.run(*[wide[name].to_numpy(float) for name in FIELDS], sectors)
    return {"raw": raw, "xs": xs}, eligible, sectors


def ties_by_rounding(name, raw, close, tables, eligible, sectors) -> list[int]:
    """Sessions where a rank differs only because two raw values are equal but for the last bits (we take
    ln(a/b), the oracle ln a - ln b): the oracle's own transform of our raw values must then say what we say."""
    explained = []
    shape = eligible.shape
    mine, beta = (tables["raw"][n].to_numpy().reshape(shape) for n in (name, "beta_252"))
    ranked = tables["xs"][name].to_numpy().reshape(shape)
    _, _, _, norm, mode = next(spec for spec in oracle.SPECS if spec[0] == name)
    for t in np.flatnonzero(~close.all(axis=1)):
        ordered = np.sort(raw[name][t][np.isfinite(raw[name][t])])
        again = oracle.xs_row(mine[t], eligible[t], beta[t], sectors[t], norm, mode)
        same = np.allclose(again, ranked[t], rtol=RTOL, atol=ATOL, equal_nan=True)
        if norm == "rank" and np.diff(ordered).min() < 1e-14 and same:
            explained.append(t)
    return explained


def compare(what: str, bars: pd.DataFrame) -> bool:
    values, eligible, sectors = theirs(bars)
    sessions, names = eligible.shape
    with tempfile.TemporaryDirectory() as folder:
        tables = ours(bars, sessions, folder)
    sound = True
    for tag, table in tables.items():
        if not np.array_equal(table.elig.to_numpy().reshape(sessions, names).astype(bool), eligible):
            print(f"{what} {tag}: other names are eligible")
            sound = False
        worst, known = 0.0, 0
        for name in oracle.NAMES:
            a, b = table[name].to_numpy().reshape(sessions, names), values[tag][name]
            close = np.isclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True)
            explained = []
            if tag == "xs" and not close.all():
                explained = ties_by_rounding(name, values["raw"], close, tables, eligible, sectors)
                close[explained] = True
                if explained:
                    print(f"{what} xs {name}: ties that one side's rounding breaks, in {len(explained)} session(s)")
            if not close.all():
                t, i = np.argwhere(~close)[0]
                print(f"{what} {tag} {name}: {(~close).sum()} differ, first {table.date.iloc[t * names]} "
                      f"{table.symbol.iloc[i]}: ours {a[t, i]!r}, oracle {b[t, i]!r}")
                sound = False
            both = np.isfinite(a) & np.isfinite(b)
            both[explained] = False
            known += both.sum()
            worst = max(worst, np.max(np.abs(a - b)[both], initial=0.0))
        print(f"{what} {tag}: {sessions} sessions, {names} names, {known} values, largest difference {worst:.1e}")
    return sound


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=760, help="real sessions to compare, at least 300")
    arguments = parser.parse_args()
    sound = compare("synthetic", synthetic_bars())
    folder = Path(os.environ.get("AURORA_REAL_DATA", ROOT / "../shared/data"))
    if (folder / "equities_daily.parquet").exists():
        sound &= compare("real", real_bars(folder, arguments.sessions))
    else:
        print(f"real: skipped, no equities_daily.parquet in {folder} (set AURORA_REAL_DATA)")
    print("equal" if sound else "NOT EQUAL")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
