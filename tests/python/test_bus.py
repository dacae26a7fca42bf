"""An independent client (nats-py, msgpack, numpy) meets a running system: it sees every actor, reads what they say
without our code, follows a session from bars to fills by its trace, and stops it with four bytes."""
import asyncio
import hashlib
import json
import re
import signal
from types import SimpleNamespace

import msgpack
import nats
import numpy as np
import pytest
from running import ACTORS, Home, free_port, serving

RUN = "r"


class Entry(SimpleNamespace):
    """Of a journal, or heard live: `position`, `subject`, `headers`, and of the message `id`, `type`, `body`."""

    @staticmethod
    def of(position, subject, headers, data):
        if subject.split(".")[2] == "control":  # kills and resumes are whatever operators sent
            return Entry(position=position, subject=subject, headers=headers or {}, type="control", body=data)
        message = msgpack.unpackb(data)
        assert list(message) == ["id", "at", "type", "body"]
        return Entry(position=position, subject=subject, headers=headers, **message)

    @property
    def author(self):
        return self.subject.split(".")[2]

    @property
    def trace(self):
        version, trace, span, flags = self.headers["traceparent"].split("-")
        assert (version, flags) == ("00", "01") and re.fullmatch("[0-9a-f]{16}", span)
        return trace


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the client saw of one run until it killed it, and the journals the run left."""
    home = Home(tmp_path_factory.mktemp("home"))
    arguments = ["--sessions", "40", "--symbols", "45", "--seed", "12", "--run", RUN]
    with home.start("demo", *arguments) as process:
        seen = asyncio.run(watch_and_kill(home, process))
        seen.exit_code = process.wait(60)
    seen.said = home.log.read_text()
    store = home.folder / "data/runs" / RUN / "nats/jetstream"
    port = free_port()
    listen = ["--addr", "127.0.0.1", "--port", str(port), "--jetstream", "--store_dir", str(store)]
    with serving(listen, home.folder / "nats.log"):
        seen.journals = asyncio.run(journals(f"nats://127.0.0.1:{port}"))
    return seen


async def watch_and_kill(home, process):
    url = await asyncio.to_thread(home.nats_url)
    client = await nats.connect(url)
    scores = await client.subscribe("aurora.paper.scoring.scores")
    live = await scores.next_msg(timeout=60)
    pings = await ask_all(client, "$SRV.PING")
    infos = await ask_all(client, "$SRV.INFO")
    status = await asyncio.to_thread(home.run, "status")
    assert process.poll() is None, home.log.read_text()
    await asyncio.wait_for(kill_within_a_session(client, process), 60)
    await client.close()
    return SimpleNamespace(live=live, pings=pings, infos=infos, status=status)


async def kill_within_a_session(client, process):
    """The server needs a moment to copy a kill into the journal (a tenth of a second when that was just opened),
    and a session of this run takes hardly longer: so the program stands still meanwhile, and only the program."""
    js = client.jetstream()
    bars = await client.subscribe("aurora.paper.ingest.bars")
    while True:
        journal = (await bars.next_msg(timeout=60)).headers["Nats-Expected-Stream"]
        process.send_signal(signal.SIGSTOP)
        if not await holds(js, journal, "aurora.paper.session.phase"):
            break
        # Heard late: the auction is over already. The next session, then.
        process.send_signal(signal.SIGCONT)
    await client.publish("aurora.paper.control.kill", b"STOP")
    while not await holds(js, journal, "aurora.paper.control.kill"):
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGCONT)


async def holds(js, stream, subject):
    try:
        await js.get_last_msg(stream, subject)
    except nats.js.errors.NotFoundError:
        return False
    return True


async def ask_all(client, subject):
    """The answers of everybody who answers within a moment."""
    answers = []
    inbox = client.new_inbox()
    heard = await client.subscribe(inbox)
    await client.publish(subject, reply=inbox)
    try:
        while True:
            answers.append(json.loads((await heard.next_msg(timeout=0.5)).data))
    except nats.errors.TimeoutError:
        return answers


async def journals(url):
    """Every session's entries, from what the run's server left on disk."""
    client = await nats.connect(url)
    js = client.jetstream()
    sessions = {}
    for stream in sorted(info.config.name for info in await js.streams_info()):
        if (session := re.fullmatch(r"aurora-paper-(\d{4}-\d\d-\d\d)", stream)) is None:
            continue
        last = (await js.stream_info(stream)).state.last_seq
        stored = [await js.get_msg(stream, position, direct=True) for position in range(1, last + 1)]
        sessions[session[1]] = [Entry.of(it.seq, it.subject, it.headers, it.data) for it in stored]
    await client.close()
    return sessions


def test_every_actor_is_a_nats_service(seen):
    services = {f"aurora-paper-{actor}" for actor in ACTORS}
    for answers, kind in [(seen.pings, "ping"), (seen.infos, "info")]:
        names = [answer["name"] for answer in answers]
        assert len(names) == len(set(names)), names
        # The conductor is there while a session is.
        assert set(names) - {"aurora-paper-session"} == services
        assert {answer["type"] for answer in answers} == {f"io.nats.micro.v1.{kind}_response"}
    for info in seen.infos:
        actor = info["metadata"]["actor"]
        assert info["metadata"]["env"] == "paper"
        assert [endpoint["subject"] for endpoint in info["endpoints"]] == [f"aurora-status.paper.{actor}"]


def test_status_lists_the_same_actors(seen):
    code, status = seen.status
    assert code == 0 and status["halted"] is None
    actors = {actor["actor"]: actor for actor in status["actors"]}
    assert set(actors) - {"session"} == set(ACTORS)
    instances = {info["metadata"]["actor"]: info["metadata"]["pid"] for info in seen.infos}
    for name, actor in actors.items():
        assert actor["state"] in {"starting", "replaying", "running", "waiting"}, actor
        assert actor["lag"] == actor["last"] - actor["position"] >= 0, actor
        assert instances.get(name, str(actor["pid"])) == str(actor["pid"])
    assert sum(actor["position"] for actor in actors.values()) > 0


def test_scores_decode_without_our_code(seen):
    scores = Entry.of(None, seen.live.subject, seen.live.headers, seen.live.data)
    assert scores.headers["Aurora-Type"] == scores.type == "scores.v1"
    assert scores.headers["Nats-Msg-Id"] == scores.id
    assert re.fullmatch(r"scoring-\d+-0", scores.id)
    assert re.fullmatch("[0-9a-f]{32}", scores.trace)
    body = scores.body
    values, names = np.frombuffer(body["scores"], "<f4"), body["names"]
    contributions = np.frombuffer(body["contributions"], "<f4").reshape(len(values), len(names))
    assert len(body["symbols"]) == len(values) == 45
    assert (len(names), names[0], names[-1]) == (46, "ret_1", "bias")
    assert np.isfinite(values).all() and values.std() > 0
    assert np.abs(contributions.sum(1, dtype="f8") - values).max() < 1e-5


def test_a_session_is_one_trace_from_bars_to_fills(seen):
    session, journal = list(seen.journals.items())[1]  # the first one trains
    trace = hashlib.sha256(f"paper/{RUN}/{session}".encode()).hexdigest()[:32]
    assert {entry.trace for entry in journal} == {trace}
    for entry in journal:
        assert entry.headers["Aurora-Type"] == entry.type
        assert entry.headers["Nats-Msg-Id"] == entry.id

    def only(kind):
        [entry] = [entry for entry in journal if entry.type == kind]
        return entry

    chain = [only(f"{name}.v1") for name in ("bars", "features", "scores", "targets")]
    orders = [entry for entry in journal if entry.type == "submit_order.v1"]
    for cause, answer in [*zip(chain, chain[1:]), *((chain[-1], order) for order in orders if order.body["leg"] == 0)]:
        assert answer.id.split("-")[:2] == [answer.author, str(cause.position)]
    filled = {}
    for fill in (entry for entry in journal if entry.type == "filled.v1"):
        order = fill.body["client_order_id"]
        filled[order] = filled.get(order, 0) + fill.body["quantity"]
    assert filled == {order.body["client_order_id"]: order.body["quantity"] for order in orders} != {}


def test_four_bytes_stop_it(seen):
    assert seen.exit_code == 1
    assert "stopped: killed: STOP" in seen.said
    assert len(seen.journals) < 41, "it had traded all its sessions before it was killed"
    journal = list(seen.journals.values())[-1]
    [kill] = [entry for entry in journal if entry.subject == "aurora.paper.control.kill"]
    assert kill.body == b"STOP"
    acknowledged = [entry for entry in journal if entry.type == "kill_acknowledged.v1"]
    assert sorted(entry.author for entry in acknowledged) == sorted([*ACTORS, "session"])
    assert {entry.body["position"] for entry in acknowledged} == {kill.position}
    [risk] = [entry.position for entry in acknowledged if entry.author == "risk"]
    approved = [entry.position for entry in journal if entry.type == "order_approved.v1"]
    assert max(approved, default=0) < risk
    [closed] = [entry for entry in journal if entry.type == "closed.v1"]
    assert closed.body == {"outcome": {"stopped": {"reason": "killed: STOP"}}}
