"""One day's book, ours and cvxpy's with Clarabel, on the same problems, in turn, one at a time.

    risk.py SOLVE N [PROBLEMS]

SOLVE is a built examples/solve of the package risk. cvxpy twice: its problem rebuilt for every book, and built once with
parameters that are given new values. Wall time from the numbers of a day to its weights, without reading or writing
JSON. Every answer's objective is checked against ours. Prints a table as Markdown.
"""

import json
import subprocess
import sys
import time

import cvxpy
import numpy as np

SECTORS = 11
# turnover, sector, net, beta: as in actors/risk/src/program.rs
PRICES = np.array([0.05, 0.3, 0.5, 1.0])
LIMITS = {"gross_max": 1.0, "beta_max": 0.01, "net_max": 0.01, "sector_net_max": 0.03, "turnover_max": 0.5, "risk_aversion": 5.0}


def problem(n: int, seed: int) -> dict:
    """A book of n names after a day's drift: fresh scores, held weights near the limits, costs by liquidity."""
    rng = np.random.default_rng([n, seed])
    daily = 0.008 + 0.015 * rng.random(n)
    held = rng.normal(0, 1, n) * (rng.random(n) < 0.8)
    held = np.clip(0.9 * (held - held.mean()) / np.abs(held - held.mean()).sum(), -0.03, 0.03)
    reach = 0.02 * rng.lognormal(18.5, 1.2, n) / 1e7
    loadings = rng.normal(0, 0.004, (1 + SECTORS, 1 + SECTORS)) + np.diag([0.01] + [0.006] * SECTORS)
    return {
        "alpha": 0.02 * daily * np.sqrt(5) * np.clip(rng.normal(0, 1, n), -3, 3),
        "held": held,
        "beta": 0.5 + rng.random(n),
        "sector": rng.integers(0, SECTORS, n),
        "idio_variance": 5 * daily**2,
        "factor_covariance": 5 * loadings @ loadings.T,
        "linear_cost": rng.uniform(2e-4, 5e-4, n),
        "quadratic_cost": 0.8 * daily * np.sqrt(0.01) / (reach / 2),
        "lowest": np.clip(held - reach, -0.03, 0.03),
        "highest": np.clip(held + reach, -0.03, 0.03),
    }


class Ours:
    def __init__(self, program: str):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, p: dict) -> tuple[float, float]:
        lists = {name: np.asarray(value).ravel().tolist() for name, value in p.items()}
        self.process.stdin.write(json.dumps({**lists, **LIMITS, "sectors": SECTORS}) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        return reply["micros"] / 1e3, reply["answer"]["objective"]


NUMBERS = ("alpha", "held", "beta", "idio", "factors", "linear", "quadratic", "lowest", "highest", "members")


def numbers(p: dict) -> dict:
    """As cvxpy's rules for parameters want them: square roots instead of variances."""
    members = np.zeros((SECTORS, len(p["alpha"])))
    members[p["sector"], np.arange(len(p["alpha"]))] = 1
    return {
        "alpha": p["alpha"], "held": p["held"], "beta": p["beta"], "idio": np.sqrt(p["idio_variance"]),
        "factors": np.linalg.cholesky(p["factor_covariance"]).T, "linear": p["linear_cost"],
        "quadratic": np.sqrt(p["quadratic_cost"]), "lowest": p["lowest"], "highest": p["highest"], "members": members,
    }


def build(x: dict) -> cvxpy.Problem:
    """x: numbers, or parameters in their place."""
    n = x["alpha"].shape[0]
    w, u, slack = cvxpy.Variable(n), cvxpy.Variable(n), cvxpy.Variable(4, nonneg=True)
    y = cvxpy.Variable(1 + SECTORS)
    risk = cvxpy.sum_squares(cvxpy.multiply(x["idio"], w)) + cvxpy.sum_squares(x["factors"] @ y)
    cost = (LIMITS["risk_aversion"] * risk - x["alpha"] @ w + x["linear"] @ u
            + cvxpy.sum_squares(cvxpy.multiply(x["quadratic"], u)) + PRICES @ slack)
    rules = [y[0] == x["beta"] @ w, y[1:] == x["members"] @ w, u >= w - x["held"], u >= x["held"] - w,
             w >= x["lowest"], w <= x["highest"], cvxpy.norm1(w) <= LIMITS["gross_max"],
             cvxpy.sum(u) <= LIMITS["turnover_max"] + slack[0], cvxpy.abs(y[1:]) <= LIMITS["sector_net_max"] + slack[1],
             cvxpy.abs(cvxpy.sum(w)) <= LIMITS["net_max"] + slack[2], cvxpy.abs(y[0]) <= LIMITS["beta_max"] + slack[3]]
    # Scaled as ours is, or its tolerances would be looser than ours.
    return cvxpy.Problem(cvxpy.Minimize(1e4 * cost), rules)


def rebuilt(p: dict) -> tuple[float, float]:
    started = time.perf_counter()
    task = build(numbers(p))
    task.solve(solver=cvxpy.CLARABEL)
    return 1e3 * (time.perf_counter() - started), task.value / 1e4


class Parametrised:
    def __init__(self, p: dict):
        positive = ("idio", "linear", "quadratic")
        self.values = {name: cvxpy.Parameter(value.shape, nonneg=name in positive) for name, value in numbers(p).items()}
        self.task = build(self.values)
        self(p)  # compiled with the first solve

    def __call__(self, p: dict) -> tuple[float, float]:
        started = time.perf_counter()
        for name, value in numbers(p).items():
            self.values[name].value = value
        self.task.solve(solver=cvxpy.CLARABEL)
        return 1e3 * (time.perf_counter() - started), self.task.value / 1e4


def main() -> None:
    program, names, *more = sys.argv[1:]
    count = int(more[0]) if more else 100
    problems = [problem(int(names), seed) for seed in range(count)]
    sides = {"ours": Ours(program), "cvxpy, rebuilt": rebuilt, "cvxpy, parametrised": Parametrised(problems[0])}
    times = {side: [] for side in sides}
    worst = 0.0
    for p in problems:
        objectives = {}
        for side, solve in sides.items():
            milliseconds, objectives[side] = solve(p)
            times[side].append(milliseconds)
        worst = max(worst, *(abs(value - objectives["ours"]) for value in objectives.values()))
    assert worst < 1e-6, f"objectives differ by {worst}"
    print(f"\n| {names} names, {count} books | p50 | p99 | p50 : ours |\n|---|---|---|---|")
    for side, all_ in times.items():
        p50, p99 = np.percentile(all_, [50, 99])
        print(f"| {side} | {p50:.1f} ms | {p99:.1f} ms | {p50 / np.percentile(times['ours'], 50):.1f} |")
    print(f"\nobjectives differ by {worst:.0e} at most")


if __name__ == "__main__":
    main()
