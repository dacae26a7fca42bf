"""The real program and the real server for tests: the binary, the configuration and the files a user has."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACTORS = ["ingest", "features", "scoring", "risk", "execution", "broker", "reporting", "trainer"]


def aurora() -> str:
    """AURORA_BIN, or what `cargo build` made."""
    return program("aurora", "AURORA_BIN")


def venue() -> str:
    """VENUE_BIN, or what `cargo build` made."""
    return program("venue", "VENUE_BIN")


def program(name: str, variable: str) -> str:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = Path(os.environ.get(variable, ROOT / target / "debug" / name))
    if not binary.is_file():
        pytest.fail(f"no program at {binary}: run `cargo build -p {name}`, or name one with {variable}", pytrace=False)
    return str(binary)


def example(package: str, name: str) -> str:
    """A built example of a package of this workspace."""
    # The whole workspace's features, as nextest builds: a package's own would build its dependencies again.
    build = "cargo build --quiet --locked --workspace --example".split() + [name]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(ROOT / target / "debug/examples" / name)


def nats_server() -> str:
    fetched = ROOT / ".tools/bin/nats-server"
    return str(fetched) if fetched.exists() else "nats-server"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what: str, done, seconds: float = 60):
    """The first truth that `done` returns."""
    end = time.monotonic() + seconds
    while not (result := done()):
        assert time.monotonic() < end, f"waited {seconds} s until {what}"
        time.sleep(0.01)
    return result


@contextlib.contextmanager
def running(command: list[str], log: Path, **options):
    """A process in the background, output into `log`; it and what it started are gone afterwards."""
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its own group: nothing that we did not start
        process.wait()


@contextlib.contextmanager
def serving(arguments: list[str], log: Path, **options):
    """A nats-server that takes connections."""
    with running([nats_server(), *arguments], log, **options) as process:
        def ready():
            assert process.poll() is None, log.read_text()
            return "Server is ready" in log.read_text()
        wait_until("nats-server is ready", ready)
        yield process


class Home:
    """A working folder with a configuration that trains in a moment."""

    def __init__(self, folder: Path):
        self.folder = folder
        text = (ROOT / "deploy/aurora.toml").read_text()
        small = text.replace("test_sessions = 252", "test_sessions = 130\nvalidation_sessions = 30\ntrees_max = 30")
        small = small.replace("train_sessions_min = 504", "train_sessions_min = 60")
        assert small.count("\n") == text.count("\n") + 2 and "= 60" in small, "deploy/aurora.toml has changed"
        (folder / "aurora.toml").write_text(small)

    def command(self, *arguments: str) -> list[str]:
        config = self.folder / "aurora.toml"
        return [aurora(), *arguments, "--json", "--home", str(self.folder), "--config", str(config)]

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AURORA_NATS")}
        return {**inherited, "AURORA_NATS_SERVER": nats_server()}

    def run(self, *arguments: str) -> tuple[int, dict]:
        """Exit code and the JSON that the command ends with."""
        done = subprocess.run(
            self.command(*arguments), env=self.environment(), capture_output=True, text=True, timeout=120)
        lines = done.stdout.splitlines()
        assert lines, f"{arguments} said nothing on stdout, but: {done.stderr}"
        return done.returncode, json.loads(lines[-1])

    def start(self, *arguments: str):
        """The same in the background, output into `log`."""
        return running(self.command(*arguments), self.log, env=self.environment())

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def nats_url(self) -> str:
        """Where the run's server is, once it is known."""
        file = self.folder / "data/nats.url"
        return wait_until("the run says where its server is", lambda: file.exists() and file.read_text().strip())

    def sessions(self, run: str) -> int:
        """How many were reported so far."""
        file = self.folder / f"data/runs/{run}/sessions.jsonl"
        return len(file.read_text().splitlines()) if file.exists() else 0
