"""A model of ours in Python's XGBoost: the same predictions to the bit, and contributions. See model_oracle.py."""
import subprocess

import model_oracle
from running import Home, example


def test_python_reads_a_model_of_a_backtest_and_predicts_the_same(tmp_path):
    code, summary = Home(tmp_path).run("backtest", "--sessions", "2", "--symbols", "45", "--seed", "12", "--run", "model")
    assert code == 0
    model = summary["model"]["model"]["id"]
    models, out = tmp_path / "data/runs/model/models", tmp_path / "out"
    subprocess.run([example("trainer", "export_predictions"), models, model, out], check=True)
    model_oracle.main(models / model, out)
