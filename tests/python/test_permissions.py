"""nats.conf as it is shipped: what each user may say, and that the system runs with no more."""
import asyncio
import re

import nats
import pytest
from running import ACTORS, ROOT, Home, free_port, serving, wait_until

USERS = ["session", *ACTORS, "operator", "subscriber"]

#: A subject, and everybody who may publish there.
SUBJECTS = {
    **{f"aurora.paper.{actor}.started": {actor} for actor in ["session", *ACTORS]},
    **{f"aurora.paper.deadletter.{actor}": {actor} for actor in ["session", *ACTORS]},
    "aurora.paper.session.opened": {"session"},
    "aurora.paper.session.closed": {"session"},
    "aurora.paper.ingest.bars": {"ingest"},
    "aurora.paper.features.features": {"features"},
    "aurora.paper.scoring.scores": {"scoring"},
    "aurora.paper.risk.targets": {"risk"},
    "aurora.paper.risk.order_approved.AAPL": {"risk"},
    "aurora.paper.risk.order_denied.AAPL": {"risk"},
    "aurora.paper.execution.submit_order.AAPL": {"execution"},
    "aurora.paper.broker.filled.AAPL": {"broker"},
    "aurora.paper.broker.account": {"broker"},
    "aurora.paper.reporting.day_reported": {"reporting"},
    "aurora.paper.trainer.model_published": {"trainer"},
    "aurora.paper.control.kill": {"operator", "broker"},
    "aurora.paper.control.resume": {"operator"},
    "aurora.paper.nobody.bars": set(),
    "aurora-archive.paper.2024-01-03.x": set(),
    "_INBOX.of.another": set(),
    "$JS.API.STREAM.INFO.aurora-paper-control": set(USERS),
    "$JS.API.STREAM.CREATE.aurora-paper-2024-01-03": {"session"},
    "$JS.API.STREAM.UPDATE.aurora-paper-2024-01-03": {"session"},
    "$JS.API.STREAM.DELETE.aurora-paper-2024-01-03": set(),
    "$JS.API.STREAM.PURGE.aurora-paper-2024-01-03": set(),
    "$JS.API.STREAM.MSG.DELETE.aurora-paper-2024-01-03": set(),
    "$JS.API.STREAM.SNAPSHOT.aurora-paper-2024-01-03": set(),
    "$JS.API.STREAM.RESTORE.aurora-paper-2024-01-03": set(),
    "$JS.API.CONSUMER.CREATE.aurora-paper-2024-01-03": set(USERS) - {"subscriber"},
    "$JS.API.CONSUMER.DELETE.aurora-paper-2024-01-03.x": set(),
}


class Server:
    """A nats-server under nats.conf: only where it listens and stores is another."""

    def __init__(self, folder):
        self.log, self.port = folder / "nats.log", free_port()
        self.environment = {f"AURORA_NATS_{user.upper()}": f"of-{user}" for user in USERS}
        text = (ROOT / "nats.conf").read_text()
        for shipped, ours in [
            ("listen: 127.0.0.1:4222", f"listen: 127.0.0.1:{self.port}"),
            ("http: 127.0.0.1:8222", ""),
            ('store_dir: "data/nats"', f'store_dir: "{folder / "store"}"'),
        ]:
            assert len(re.findall(rf"(?m)^ *{re.escape(shipped)}", text)) == 1, f"nats.conf lacks {shipped!r}"
            text = text.replace(shipped, ours, 1)
        self.config = folder / "nats.conf"
        self.config.write_text(text)

    def url(self, user):
        return f"nats://{user}:of-{user}@127.0.0.1:{self.port}"

    def refused(self):
        """What the server's log says that somebody was not allowed to."""
        return [line for line in self.log.read_text().splitlines() if "Violation" in line]


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    with serving(["-c", str(server.config)], server.log, env=server.environment):
        yield server


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder)


async def forbidden(server, user):
    """The subjects among SUBJECTS, in lower case as the client reports them, where `user` may not publish."""
    errors = []

    async def on_error(error):
        errors.append(str(error))

    client = await nats.connect(server.url(user), error_cb=on_error)
    for subject in SUBJECTS:
        await client.publish(subject, b"")
    # Everybody may ask this, and the answer comes behind the refusals.
    await client.request("$JS.API.STREAM.INFO.aurora-paper-control", timeout=10)
    await client.close()
    found = [re.search(r'(?i)permissions violation for publish to "(.+)"', error) for error in errors]
    assert all(found), errors
    return {match[1].lower() for match in found}


@pytest.mark.parametrize("user", USERS)
def test_each_user_speaks_for_itself_alone(server, user):
    expected = {subject for subject, allowed in SUBJECTS.items() if user not in allowed}
    assert asyncio.run(forbidden(server, user)) == {subject.lower() for subject in expected}


def test_nobody_else_comes_in(server):
    async def connect(url):
        await nats.connect(url, max_reconnect_attempts=0, allow_reconnect=False)

    host = f"127.0.0.1:{server.port}"
    for url in [f"nats://{host}", f"nats://risk:of-broker@{host}", f"nats://root:of-risk@{host}"]:
        with pytest.raises(nats.errors.Error, match="(?i)authorization"):
            asyncio.run(connect(url))


def test_the_system_runs_with_these_rights(server, home):
    arguments = ["--processes", "--nats", server.url("{actor}")]
    code, summary = home.run("demo", "--sessions", "3", "--symbols", "45", "--seed", "12", "--run", "rights", *arguments)
    assert (code, summary["sessions"], summary["stopped"]) == (0, 3, [])
    assert summary["fills"] > 0
    assert server.refused() == []


def test_an_operator_sees_and_stops_it(server, home):
    arguments = ["--sessions", "40", "--symbols", "45", "--seed", "12", "--run", "kill", "--processes", "--nats", server.url("{actor}")]
    with home.start("demo", *arguments) as process:
        wait_until("a session is reported", lambda: process.poll() is not None or home.sessions("kill"))
        code, status = home.run("status")
        assert code == 0 and {actor["actor"] for actor in status["actors"]} >= set(ACTORS)
        _, killed = home.run("kill", "--reason", "drill", "--operator", "me")
        assert killed["latched"]
        assert process.wait(60) == 1
    assert "stopped: killed: drill" in home.log.read_text()
    assert "of-operator" in home.nats_url()
    code, status = home.run("status")
    assert (code, status["halted"]["operator"], status["actors"]) == (1, "me", [])
    assert home.run("resume", "--reason", "over", "--operator", "me")[0] == 0
    assert server.refused() == []
