"""`aurora backtest --weights` against the same rules in numpy floats: every close of a random panel, to the cent."""
import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from running import Home

NAMES = ["AAA", "BBB", "BRK.B", "CCC", "DDD"]
HOLIDAYS = ["2024-01-15", "2024-02-19", "2024-03-29"]
COMMISSION, SLIPPAGE, CASH = 3e-4, 7e-4, 1_000_000.0


def panel(seed: int, sessions: int = 50):
    """Opens, closes and weights, a row per session; prices in cents, or as single-precision floats."""
    rng = np.random.default_rng(seed)
    dates = pd.bdate_range("2024-01-02", periods=sessions + 3)
    dates = dates[~dates.strftime("%Y-%m-%d").isin(HOLIDAYS)][:sessions]
    close = 80 * np.exp(np.cumsum(rng.normal(0, 0.02, (len(dates), len(NAMES))), axis=0))
    open_ = close * np.exp(rng.normal(0, 0.01, close.shape))
    kind = (lambda x: x.round(2)) if seed % 2 else (lambda x: x.astype(np.float32).astype(float))
    weights = rng.normal(0, 0.2, close.shape) * (rng.random(close.shape) < 0.8)
    frame = lambda values: pd.DataFrame(values, index=dates.strftime("%Y-%m-%d"), columns=NAMES)
    return frame(kind(open_)), frame(kind(close)), frame(weights)


def reference(opens, closes, weights):
    """Equity at each close; targets of a close are dealt at the next open."""
    held, cash, equity, target = np.zeros(len(NAMES)), CASH, [], None
    for open_, close, weight in zip(opens.to_numpy(), closes.to_numpy(), weights.to_numpy()):
        if target is not None:
            change = target - held
            value = change * open_ * (1 + np.sign(change) * SLIPPAGE)
            cash -= value.sum() + np.abs(value).sum() * COMMISSION
            held = target
        equity.append(cash + held @ close)
        target = np.trunc(weight * equity[-1] / close)
    return np.array(equity)


def write_bars(folder, opens, closes):
    bars = opens.stack().rename("open").to_frame()
    bars["close"] = closes.stack()
    bars["high"], bars["low"] = bars.max(axis=1), bars.min(axis=1)
    bars["volume"] = 1e6
    bars.rename_axis(["date", "symbol"]).to_csv(folder / "bars.csv")


def backtest(home, folder, opens, closes, weights, long=False):
    write_bars(folder, opens, closes)
    pd.DataFrame({"symbol": NAMES, "sector": "All"}).to_csv(folder / "universe.csv", index=False)
    code, _ = home.run("import", folder / "bars.csv", "--universe", folder / "universe.csv",
                       "--sectors-as-of", "2024-01-02")
    assert code == 0
    named = weights.rename_axis("date")
    if long:
        file = folder / "weights.parquet"
        rows = named.rename_axis(columns="symbol").stack().rename("weight").reset_index()
        rows[rows["weight"] != 0].to_parquet(file)
    else:
        file = folder / "weights.csv"
        named.rename(columns={"BRK.B": "BRK-B"}).to_csv(file)
    return home.run("backtest", "--weights", file, "--cash", "1000000", "--commission-bp", "3",
                    "--slippage-bp", "7", "--run", "given")


@pytest.mark.parametrize("seed", [1, 2])
def test_every_close_is_numpys_to_the_cent(tmp_path, seed):
    opens, closes, weights = panel(seed)
    code, said = backtest(Home(tmp_path), tmp_path, opens, closes, weights, long=seed == 2)
    assert code == 0
    expected = reference(opens, closes, weights)
    lines = (tmp_path / "data/runs/given/sessions.jsonl").read_text().splitlines()
    navs = np.array([json.loads(line)["day"]["nav_close"] / 1e6 for line in lines])
    assert len(navs) == said["sessions"] == len(expected) - 1
    assert np.abs(navs - expected[1:]).max() < 1e-3
    assert round(said["final_nav"], 2) == round(expected[-1], 2)
    book = json.loads((tmp_path / "data/runs/given/positions.json").read_text())
    total = book["cash"] + sum(held["value"] for held in book["positions"])
    assert round(total, 4) == round(said["final_nav"], 4), "NAV is cash and what is held"
    assert (tmp_path / "data/runs/given/report.html").exists()


def test_a_bad_weight_is_named_and_nothing_is_run(tmp_path):
    home, (opens, closes, weights) = Home(tmp_path), panel(1, 5)
    assert backtest(home, tmp_path, opens, closes, weights)[0] == 0
    (tmp_path / "bad.csv").write_text("date,AAA\n2024-01-02,0.5\n2024-01-03,\n")
    command = home.command("backtest", "--weights", str(tmp_path / "bad.csv"), "--run", "bad")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "bad.csv, line 3, column AAA" in done.stderr and "write 0" in done.stderr
    assert not (tmp_path / "data/runs/bad").exists()


def test_bars_need_no_import(tmp_path):
    """Straight from a CSV: the same account, and what is wrong with the file is named."""
    home, (opens, closes, weights) = Home(tmp_path), panel(1, 20)
    code, imported = backtest(home, tmp_path, opens, closes, weights)
    assert code == 0
    costs = ["--cash", "1000000", "--commission-bp", "3", "--slippage-bp", "7"]
    given = ["backtest", "--weights", tmp_path / "weights.csv", "--bars", tmp_path / "bars.csv", *costs]
    code, plain = home.run(*given, "--run", "plain")
    assert code == 0
    assert [plain[key] for key in ("final_nav", "orders", "orders_sha256")] == \
        [imported[key] for key in ("final_nav", "orders", "orders_sha256")]

    lines = (tmp_path / "bars.csv").read_text().splitlines()
    (tmp_path / "bars.csv").write_text("\n".join([*lines, lines[-1]]))
    done = subprocess.run(home.command(*map(str, given)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "bars.csv" in done.stderr and "delete one" in done.stderr
