"""Plays one backtest of given weights with Aurora and its peers, in turn, and prints a table of medians.

Of a peer the time is its own `run` (without imports and loading); of Aurora it is the whole command, from start to the
last file of its run folder. See backtest.sh.
usage: backtest.py BENCH_FOLDER AURORA ROUNDS PEER…
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

WORK = Path(os.environ["BENCH_WORK"])


def cpu():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def play(command, **options):
    """JSON of the last line that has some, wall seconds, CPU seconds; `None` where the command fails."""
    before, start = cpu(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    wall, spent = time.perf_counter() - start, cpu() - before
    lines = [line.removeprefix("JSON ") for line in done.stdout.splitlines() if "{" in line]
    if done.returncode or not lines:
        print(f"# failed: {command}: {done.stderr[-400:]}", file=sys.stderr)
        return None
    return json.loads(lines[-1]), wall, spent


def aurora(program, round_):
    home, run = WORK / "home", f"bench-{round_}"
    shutil.rmtree(home / "data/runs" / run, ignore_errors=True)
    command = [program, "--home", home, "backtest", "--weights", WORK / "weights_130.parquet"]
    done = play([*map(str, command), "--cash", "10000000", "--commission-bp", "5",
                 "--slippage-bp", "5", "--run", run, "--json"])
    if done is None:
        sys.exit("aurora failed")
    said, wall, spent = done
    return wall, spent, said["final_nav"], said["orders"]


def peer(folder, name):
    done = play([sys.executable, f"bt_{name}.py", "130"], cwd=folder)
    if done is None:
        return None
    said, _, _ = done
    return said["run"], said["run_cpu"], said["final_nav"], said["orders"]


def main():
    folder, program, rounds, *peers = sys.argv[1:]
    runs = {"aurora": [], **{name: [] for name in peers}}
    for round_ in range(int(rounds)):
        runs["aurora"].append(aurora(program, round_))
        for name in peers:
            done = peer(folder, name)
            if done is not None:
                runs[name].append(done)
    ours = statistics.median(run[0] for run in runs["aurora"])
    ours_cpu = statistics.median(run[1] for run in runs["aurora"])
    print("| | seconds | CPU-s | times Aurora's | CPU times | orders | final NAV |")
    print("|---|---|---|---|---|---|---|")
    for name, done in runs.items():
        if not done:
            print(f"| {name} | not run | | | | | |")
            continue
        wall, spent = (statistics.median(run[at] for run in done) for at in (0, 1))
        print(f"| {name} | {wall:.3f} | {spent:.3f} | {wall / ours:.1f} | {spent / ours_cpu:.1f} "
              f"| {done[0][3]:,} | {done[0][2]:,.2f} |")
    navs = {f"{runs[name][0][2]:.2f}" for name in ("aurora", "numpy") if runs.get(name)}
    print("final NAV of aurora and numpy:", "equal to the cent" if len(navs) == 1 else "DIFFERENT")


main()
