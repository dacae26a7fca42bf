"""Python's XGBoost reads our model file and says the same, bit for bit.

    cargo run -p trainer --example export_predictions -- MODELS ID OUT
    python3 tests/python/model_oracle.py MODELS/ID OUT

Needs numpy and xgboost (any version that reads UBJSON; 3.2.0 is the newest for Python 3.11).
Exit code 0 only if file, names, predictions and contributions agree.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import xgboost as xgb


def main(model_folder: str, exported: str) -> None:
    folder, out = pathlib.Path(model_folder), pathlib.Path(exported)
    file = json.loads((folder / "card.json").read_text())
    card, model_bytes = file["card"], (folder / "model.ubj").read_bytes()
    names = [column["name"] for column in card["columns"]]
    digest = hashlib.sha256(model_bytes).hexdigest()
    check(digest == file["model"]["sha256"], "the file's hash is the card's")

    booster = xgb.Booster(model_file=str(folder / "model.ubj"))
    check(booster.feature_names == names, "the columns are the card's")
    check(booster.num_boosted_rounds() == card["trees"], "the trees are as many as the card says")
    check(json.loads(booster.attr("aurora_card")) == card, "the card in the model is card.json's")

    columns = len(names)
    values = read(out / "values.f32").reshape(-1, columns)
    matrix = xgb.DMatrix(values, feature_names=names)
    predictions = booster.predict(matrix)
    check(len(np.unique(predictions)) > 1, "the predictions are not all the same")
    same = read(out / "predictions.f32").tobytes() == predictions.tobytes()
    check(same, "predictions are equal bit for bit")

    ours = read(out / "contributions.f32").reshape(-1, columns + 1)
    theirs = booster.predict(matrix, pred_contribs=True)
    check(np.abs(ours - theirs).max() < 1e-6, "contributions are equal to 1e-6")
    sums = theirs.astype("f8").sum(1)
    check(np.abs(sums - predictions).max() < 1e-5, "contributions sum to the predictions")


def read(path: pathlib.Path) -> np.ndarray:
    return np.frombuffer(path.read_bytes(), "<f4")


def check(holds: bool, what: str) -> None:
    print("ok" if holds else "FAILED", what)
    if not holds:
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
