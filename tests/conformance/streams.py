"""Websockets: raw ones, and the SDK's streams in a thread of their own."""
import asyncio
import contextlib
import json
import queue
import threading

import msgpack
from desk import KEY, SECRET
from websockets.sync.client import connect

SECONDS = 10


class Socket:
    """A connection that speaks JSON, or msgpack; `frames` tells text from binary."""

    def __init__(self, connection, binary: bool):
        self.connection, self.binary, self.frames = connection, binary, []

    def send(self, message):
        self.connection.send(msgpack.packb(message) if self.binary else json.dumps(message))

    def receive(self, seconds=SECONDS):
        frame = self.connection.recv(timeout=seconds)
        self.frames.append(type(frame))
        self.last = frame
        return msgpack.unpackb(frame) if self.binary else json.loads(frame)

    def ask(self, message):
        self.send(message)
        return self.receive()

    def nothing(self, seconds=0.3):
        """Whether nothing arrives for a moment."""
        try:
            message = self.receive(seconds)
        except TimeoutError:
            return True
        raise AssertionError(f"got {message}")

    def until(self, wanted):
        """Data of the arrays that arrive until one is `wanted`; control messages are left out."""
        seen = []
        while not any(map(wanted, seen)):
            seen += [item for item in self.receive() if item["T"] not in ("success", "subscription")]
        return seen


@contextlib.contextmanager
def socket(url: str, binary=False, **headers):
    content = {"Content-Type": "application/msgpack"} if binary else {}
    with connect(url, additional_headers={**content, **headers}, max_size=None, close_timeout=1) as connection:
        yield Socket(connection, binary)


@contextlib.contextmanager
def updates(desk, **options):
    """An authorized connection to the trading stream that listens to trade updates."""
    with socket(desk.websocket + "/stream", **options) as stream:
        answer = stream.ask({"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}})
        assert answer["data"]["status"] == "authorized", answer
        answer = stream.ask({"action": "listen", "data": {"streams": ["trade_updates"]}})
        assert answer == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        yield stream


@contextlib.contextmanager
def feed(desk, path="/v2/iex", binary=False, **channels):
    """An authenticated connection to a data stream, subscribed to `channels`."""
    with socket(desk.websocket + path, binary) as stream:
        assert stream.receive() == [{"T": "success", "msg": "connected"}]
        answer = stream.ask({"action": "auth", "key": KEY, "secret": SECRET})
        assert answer == [{"T": "success", "msg": "authenticated"}]
        if channels:
            [answer] = stream.ask({"action": "subscribe", **channels})
            assert answer["T"] == "subscription", answer
        yield stream


@contextlib.contextmanager
def running(stream, acknowledged):
    """Runs a stream of the SDK in a thread, from the time on that a message is `acknowledged`, until the end."""
    ready, dispatch = threading.Event(), stream._dispatch

    async def watched(message):
        await dispatch(message)
        if acknowledged(message):
            ready.set()

    stream._dispatch = watched
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(SECONDS), "the stream was not acknowledged"
        yield
    finally:
        # A stop alone is looked at every five seconds; with the connection closed it is at once.
        for end in (stream.stop_ws, stream.close):
            with contextlib.suppress(Exception):
                asyncio.run_coroutine_threadsafe(end(), stream._loop).result(SECONDS)
        thread.join(SECONDS)


class Inbox:
    """What a handler was called with."""

    def __init__(self):
        self.queue = queue.Queue()

    async def handle(self, item):
        self.queue.put(item)

    def next(self):
        return self.queue.get(timeout=SECONDS)

    def until(self, wanted):
        seen = [self.next()]
        while not wanted(seen[-1]):
            seen.append(self.next())
        return seen
