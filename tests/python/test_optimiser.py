"""The quadratic programme of risk against cvxpy: the same optimum, on random books easy and awkward."""
import json
import subprocess

import cvxpy
import numpy as np
import pytest
from running import example

PRICES = {"Beta": 1.0, "Net": 0.5, "Sector": 0.3, "Turnover": 0.05}


def problem(seed: int) -> dict:
    """METHODS.md §4, with every awkwardness now and then: broken caps, collinear betas, one sector, no liquidity."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    sectors = int(rng.integers(1, 12))
    held = rng.normal(0, 0.01, n) * (rng.random(n) < 0.7)
    idio = (0.008 + 0.012 * rng.random(n)) ** 2 * 5
    reach = np.abs(rng.lognormal(-4, 1.5, n)) * (rng.random(n) < 0.9)
    cap = np.maximum(0.03, np.abs(held))
    k = 1 + sectors
    loadings = rng.normal(0, 0.01, (k, k))
    return {
        "alpha": (rng.normal(0, 0.002, n)).tolist(),
        "held": held.tolist(),
        "beta": (np.ones(n) if seed % 7 == 0 else 0.4 + 1.2 * rng.random(n)).tolist(),
        "sector": [None if rng.random() < 0.03 else int(s) for s in rng.integers(0, sectors, n)],
        "sectors": sectors,
        "idio_variance": idio.tolist(),
        "factor_covariance": (loadings @ loadings.T).ravel().tolist(),
        "linear_cost": rng.uniform(0, 5e-4, n).tolist(),
        "quadratic_cost": rng.uniform(0, 0.3, n).tolist(),
        "lowest": np.maximum(held - reach, -cap).tolist(),
        "highest": np.minimum(held + reach, cap).tolist(),
        "gross_max": float(rng.choice([0.05, 0.5, 1.5])),
        "beta_max": 0.01, "net_max": 0.01, "sector_net_max": 0.03,
        "turnover_max": float(rng.choice([0.02, 0.3, 2.0])),
        "risk_aversion": 5.0,
    }


def optimum(p: dict) -> tuple[float, str]:
    n, k = len(p["alpha"]), 1 + p["sectors"]
    w, slack = cvxpy.Variable(n), cvxpy.Variable(4, nonneg=True)
    held, low, high = (np.array(p[name]) for name in ("held", "lowest", "highest"))
    exposures = np.zeros((k, n))
    exposures[0] = p["beta"]
    for i, sector in enumerate(p["sector"]):
        if sector is not None:
            exposures[1 + sector, i] = 1
    y, traded = exposures @ w, cvxpy.abs(w - held)
    factors = cvxpy.psd_wrap(np.array(p["factor_covariance"]).reshape(k, k))
    cost = (p["risk_aversion"] * (cvxpy.sum(cvxpy.multiply(p["idio_variance"], w**2)) + cvxpy.quad_form(y, factors))
            - np.array(p["alpha"]) @ w + np.array(p["linear_cost"]) @ traded
            + np.array(p["quadratic_cost"]) @ cvxpy.square(traded)
            + np.array(list(PRICES.values())) @ slack)
    least = np.maximum(np.maximum(low, 0), -high).sum()
    rules = [w >= low, w <= high, cvxpy.norm1(w) <= max(p["gross_max"], least),
             cvxpy.abs(y[0]) <= p["beta_max"] + slack[0], cvxpy.abs(cvxpy.sum(w)) <= p["net_max"] + slack[1],
             cvxpy.abs(y[1:]) <= p["sector_net_max"] + slack[2],
             cvxpy.sum(traded) <= p["turnover_max"] + slack[3]]
    # Scaled as ours is, or cvxpy's own tolerances would be what is measured.
    task = cvxpy.Problem(cvxpy.Minimize(1e4 * cost), rules)
    task.solve(solver=cvxpy.CLARABEL)
    return task.value / 1e4, task.status


@pytest.fixture(scope="module")
def solver() -> str:
    return example("risk", "solve")


def test_the_optimum_is_cvxpys_on_500_books(solver):
    problems = [problem(seed) for seed in range(500)]
    lines = "".join(json.dumps(p) + "\n" for p in problems)
    done = subprocess.run([solver], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line)["answer"] for line in done.stdout.splitlines()]
    assert len(answers) == len(problems)
    relaxed = 0
    for seed, (p, ours) in enumerate(zip(problems, answers)):
        theirs, status = optimum(p)
        assert status == "optimal", (seed, status)
        assert "unsolved" not in ours, (seed, ours)
        assert abs(ours["objective"] - theirs) < 1e-6, (seed, ours["objective"], theirs)
        relaxed += bool(ours["relaxed"])
    assert 50 < relaxed < 450, f"{relaxed} of 500 relaxed: the books are all easy or all awkward"
