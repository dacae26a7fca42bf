"""Our features against an independent implementation in numpy (features_ref.py): see features_oracle.py."""
import os
from pathlib import Path

import features_oracle as oracle
import pytest
from running import ROOT, example

SESSIONS = 560  # 252 of them are the longest window's warm-up

# The oracle divides first and looks whether it may afterwards.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture(scope="module", autouse=True)
def built():
    os.environ["FEATURES_DUMP"] = example("features", "features_dump")


def test_equal_on_a_made_up_market():
    assert oracle.compare("synthetic", oracle.synthetic_bars())


def test_equal_on_real_bars():
    folder = Path(os.environ.get("AURORA_REAL_DATA", ROOT / "../shared/data"))
    if not (folder / "equities_daily.parquet").exists():
        pytest.skip(f"no equities_daily.parquet in {folder} (AURORA_REAL_DATA names another folder)")
    bars = oracle.real_bars(folder, SESSIONS)
    assert (bars.symbol.nunique(), bars.date.nunique()) == (130, SESSIONS)
    assert oracle.compare("real", bars)
