"""Walk-forward training, scoring and explaining: ours against Python's XGBoost, in turn, one thread each.

    model.py MODEL_BENCH MATRIX MODELS ID [ROUNDS]

MODEL_BENCH is the built example of the package aurora. Both sides read the same feature_matrix.parquet, train the same
folds with the same parameters, and predict the validation rows at every number of trees that is tried. Ours also ranks
those predictions and picks the number; Python is spared that. Python twice: with DMatrix, as we do, and with
QuantileDMatrix. Prints a table as Markdown.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import polars as pl
import xgboost as xgb

NAMES = 130
TIMES = 2_000


class Ours:
    def __init__(self, *arguments: str):
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, command: str) -> dict:
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else sys.exit(f"model_bench ended at {command!r}")


def parameters(config: dict) -> dict:
    names = {"depth": "max_depth", "eta": "eta", "min_child_weight": "min_child_weight", "lambda": "lambda", "max_bin": "max_bin", "seed": "seed"}
    fixed = {"objective": "reg:squarederror", "tree_method": "hist", "base_score": 0, "nthread": 1, "verbosity": 0}
    return fixed | {theirs: config[ours] for ours, theirs in names.items()}


def rows(ranges: list) -> np.ndarray:
    return np.concatenate([np.arange(first, end) for first, end in ranges])


def load(matrix: str, names: list) -> tuple:
    frame = pl.read_parquet(matrix)
    values = np.ascontiguousarray(frame.select(names).to_numpy())
    return values, frame["label"].to_numpy(), frame["session"].to_physical().to_numpy()


def walk(matrix: str, plan: dict, quantile: bool) -> tuple[dict, np.ndarray]:
    wall, cpu = time.perf_counter(), time.process_time()
    config = plan["config"]
    values, labels, sessions = load(matrix, plan["names"])
    scores = np.full(len(labels), np.nan, np.float32)
    for fold in plan["folds"]:
        fit = rows(fold["fit"])
        fit = fit[np.isfinite(labels[fit])]
        _, day, count = np.unique(sessions[fit], return_inverse=True, return_counts=True)
        weight = (len(fit) / len(count) / count).astype(np.float32)[day]
        if quantile:
            data = xgb.QuantileDMatrix(values[fit], labels[fit], weight=weight, nthread=1, max_bin=config["max_bin"])
        else:
            data = xgb.DMatrix(values[fit], labels[fit], weight=weight, nthread=1)
        booster = xgb.train(parameters(config), data, config["trees_max"])
        validation = xgb.DMatrix(values[rows(fold["validation"])], nthread=1)
        for trees in range(config["trees_min"], config["trees_max"] + 1, config["trees_step"]):
            booster.predict(validation, iteration_range=(0, trees))
        test = rows(fold["test"])
        scores[test] = booster.predict(xgb.DMatrix(values[test], nthread=1))
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, scores


def timed(work) -> dict:
    seconds = []
    for _ in range(TIMES):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    seconds.sort()
    return {"p50": seconds[TIMES // 2], "p99": seconds[TIMES * 99 // 100]}


def line(what: str, ours: list, theirs: list, scale: float, unit: str, goal: str) -> None:
    a, b = statistics.median(ours) * scale, statistics.median(theirs) * scale
    print(f"| {what} | {a:.3g} {unit} | {b:.3g} {unit} | {a / b:.2f}× | {goal} |")


def main(program: str, matrix: str, models: str, model: str, rounds: int) -> None:
    ours = Ours(program, matrix, models, model)
    plan = ours("folds")
    same = plan["xgboost"] == xgb.__version__
    print(f"xgboost: ours {plan['xgboost']}, Python's {xgb.__version__}" + ("" if same else " — NOT THE SAME VERSION"))
    out = tempfile.NamedTemporaryFile()
    walks, exact, sketched, scoring, explaining = [], [], [], ([], []), ([], [])
    booster = xgb.Booster({"nthread": 1}, model_file=str(pathlib.Path(models) / model / "model.ubj"))
    booster.set_param({"nthread": 1})
    wide = load(matrix, plan["names"])[0][:NAMES]
    one = wide[:1]
    for _ in range(rounds):
        walks.append(ours(f"walk {out.name}"))
        measured, scores = walk(matrix, plan, quantile=False)
        exact.append(measured)
        sketched.append(walk(matrix, plan, quantile=True)[0])
        scoring[0].append(ours(f"score {TIMES}")["p50"])
        scoring[1].append(timed(lambda: booster.inplace_predict(wide, validate_features=False))["p50"])
        explaining[0].append(ours(f"explain {TIMES}")["p50"])
        def explain():
            booster.predict(xgb.DMatrix(one, nthread=1), pred_contribs=True, validate_features=False)
        explaining[1].append(timed(explain)["p50"])
    mine = np.frombuffer(pathlib.Path(out.name).read_bytes(), np.float32)
    tested = np.isfinite(mine)
    assert tested.any() and (np.isfinite(scores) == tested).all(), "both test the same rows"
    print(f"{len(mine)} rows, {len(plan['folds'])} folds, medians of {rounds} rounds\n")
    print("| | ours | Python | ratio | goal |\n|---|---|---|---|---|")
    for kind in ("cpu", "wall"):
        mine_of, goal = [w[kind] for w in walks], "≤ 1.0×"
        line(f"walk-forward with load, DMatrix, {kind}", mine_of, [w[kind] for w in exact], 1, "s", goal)
        line(f"walk-forward with load, QuantileDMatrix, {kind}", mine_of, [w[kind] for w in sketched], 1, "s", goal)
    line(f"scoring {NAMES} rows, Python in place", *scoring, 1e6, "µs", "≤ 0.7×")
    line("contributions of one name", *explaining, 1e6, "µs", "< 2000 µs")


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]) if len(sys.argv) > 5 else 3)
