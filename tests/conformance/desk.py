"""A venue of one's own with the official clients pointed at it by URL, a clock that is stepped, and what the checks
have in common: how an order looks, how a refusal looks.

Checks are written from ALPACA_CONTRACT.md, whose sections they name (§5); what it marks as unknown is not checked."""
import contextlib
import json
import re
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID
from zoneinfo import ZoneInfo

import requests
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from running import running, venue, wait_until

KEY, SECRET = "PK-CONFORMANCE-00001", "conformance-secret"
NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2019, 6, 12)
"""The session that the checks live in: a Wednesday in summer, 04:00Z to 04:00Z."""
BEFORE, AFTER = date(2019, 6, 11), date(2019, 6, 13)
OPEN = time(9, 30)

ORDER_KEYS = set(
    "id client_order_id created_at updated_at submitted_at filled_at expired_at expires_at canceled_at failed_at"
    " replaced_at replaced_by replaces asset_id symbol asset_class notional qty filled_qty filled_avg_price order_class"
    " order_type type side position_intent time_in_force limit_price stop_price status extended_hours legs"
    " trail_percent trail_price hwm source subtag".split())
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DECIMAL = re.compile(r"-?\d+(\.\d+)?")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
MINUTE = timedelta(minutes=1)


def at(text: str, day: date = DAY) -> datetime:
    """`at("10:00")`: New York wall time of the session."""
    return datetime.combine(day, time.fromisoformat(text), NEW_YORK).astimezone(timezone.utc)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """Nanoseconds are cut to what Python's times hold."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


class Desk:
    """A client of everything that a venue offers."""

    def __init__(self, urls: dict, now: datetime):
        self.url, self.now = urls["trading"], now
        self.websocket = self.url.replace("http://", "ws://")
        self.session = requests.Session()
        self.session.headers.update({"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET})
        self.trading = TradingClient(KEY, SECRET, url_override=urls["trading"])
        self.stocks = StockHistoricalDataClient(KEY, SECRET, url_override=urls["data"])
        self.crypto = CryptoHistoricalDataClient(KEY, SECRET, url_override=urls["data"])

    def get(self, path, **params):
        return self.session.get(self.url + path, params=params, timeout=10)

    def post(self, path, body):
        return self.session.post(self.url + path, json=body, timeout=10)

    def patch(self, path, body):
        return self.session.patch(self.url + path, json=body, timeout=10)

    def delete(self, path, **params):
        return self.session.delete(self.url + path, params=params, timeout=10)

    def json(self, path, **params):
        """What a GET answers that has to succeed."""
        answer = self.get(path, **params)
        assert answer.status_code == 200, f"GET {answer.url}: {answer.status_code} {answer.text}"
        return answer.json()

    def move(self, to: datetime | timedelta):
        """The clock of the simulation, forwards."""
        self.now = self.now + to if isinstance(to, timedelta) else to
        answer = requests.post(self.url + "/aurora/v1/clock", json={"now": rfc3339(self.now)}, timeout=30)
        assert answer.status_code == 200, answer.text

    def order(self, **fields):
        """The answer to an order: a market order for ten shares of AAPL but for `fields`; None leaves one out."""
        body = {"symbol": "AAPL", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day", **fields}
        return self.post("/v2/orders", {name: value for name, value in body.items() if value is not None})

    def placed(self, **fields) -> dict:
        """An order that has to be taken."""
        answer = self.order(**fields)
        assert answer.status_code == 200, f"{fields}: {answer.status_code} {answer.text}"
        return answer.json()

    def filled(self, **fields) -> dict:
        """An order that has to be filled within a minute."""
        order = self.placed(**fields)
        self.move(MINUTE)
        order = self.reread(order)
        assert order["status"] == "filled", order
        return order

    def reread(self, order: dict) -> dict:
        return self.json(f"/v2/orders/{order['id']}")

    def last(self, symbol: str = "AAPL") -> float:
        """The price of the latest trade."""
        if "/" in symbol:
            return self.json("/v1beta3/crypto/us/latest/trades", symbols=symbol)["trades"][symbol]["p"]
        return self.json("/v2/stocks/trades/latest", symbols=symbol, feed="iex")["trades"][symbol]["p"]


@contextlib.contextmanager
def opened(log: Path, now: datetime | None, *options: str, cash: int = 100_000, keys: bool = True,
           sessions: int = 260, start: date = DAY):
    """A venue of a small market over 2019, or more sessions, and the desk of its client; `now` moves its clock first."""
    command = [venue(), "--synthetic", "7", "--symbols", "30", "--sessions", str(sessions), "--cash", str(cash),
               "--start", start.isoformat(), *options]
    if keys:
        command += ["--key-id", KEY, "--secret-key", SECRET]
    with running(command, log) as process:
        def line():
            assert process.poll() is None, log.read_text()
            return next((line for line in log.read_text().splitlines(keepends=True) if line.endswith("}\n")), None)
        urls = json.loads(wait_until("the venue says where it is", line))
        desk = Desk(urls, at("08:00"))
        desk.process, desk.urls = process, urls
        if now is not None and now != desk.now:
            desk.move(now)
        yield desk
        desk.session.close()


def refused(answer, status, code=None, text=None) -> dict:
    """A refusal with this status, and with this code and text in its body; gives the body."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    body = answer.json()
    assert isinstance(body["message"], str) and body["message"], body
    if code is not None:
        assert body["code"] == code, body
    if text is not None:
        assert text in body["message"], body
    return body


def check_order(order: dict):
    """§5: all keys always present, amounts as strings, times in UTC."""
    assert ORDER_KEYS <= set(order), ORDER_KEYS - set(order)
    for name in ("id", "asset_id", "replaces", "replaced_by"):
        assert order[name] is None or UUID4.fullmatch(order[name]), (name, order[name])
    for name in ("qty", "notional", "filled_qty", "filled_avg_price", "limit_price", "stop_price", "trail_price",
                 "trail_percent", "hwm"):
        assert order[name] is None or isinstance(order[name], str) and DECIMAL.fullmatch(order[name]), (name, order)
    for name in ORDER_KEYS:
        if name.endswith("_at"):
            assert order[name] is None or UTC_TIME.fullmatch(order[name]), (name, order[name])
    assert order["type"] == order["order_type"]
    assert isinstance(order["extended_hours"], bool)
    for leg in order["legs"] or []:
        check_order(leg)


def ticks(desk: Desk, symbol="AAPL", day: date = DAY) -> list[SimpleNamespace]:
    """Every trade of a session that is over: time and price, in order."""
    answer = desk.json(f"/v2/stocks/{symbol}/trades", start=rfc3339(at("09:30", day)), end=rfc3339(at("16:00", day)),
                       limit=10000, feed="sip")
    assert answer["next_page_token"] is None
    return [SimpleNamespace(at=parse(trade["t"]), price=trade["p"]) for trade in answer["trades"]]


def is_uuid(text) -> bool:
    return isinstance(text, str) and str(UUID(text)) == text
