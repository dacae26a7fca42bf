"""For fetch.sh: the venue's universe as a CSV, and the same pages as `aurora fetch` asks for, read and thrown away.

    VENUE=http://127.0.0.1:8080 python fetch_pages.py universe universe.csv     -> first and last closed session
    VENUE=http://127.0.0.1:8080 python fetch_pages.py pages universe.csv FROM THROUGH  -> seconds and pages

The second is the venue's own serving time: 4 requests at a time, as aurora has them, over connections that stay open. Bodies are not
parsed, only searched for the next page's token.
"""

import concurrent.futures
import csv
import http.client
import json
import os
import re
import sys
import time
import urllib.parse
from datetime import datetime
from zoneinfo import ZoneInfo

# Of the venue's synthetic market; its calendar goes further back.
FIRST = "2019-01-02"
NEW_YORK = ZoneInfo("America/New_York")
HOST = os.environ["VENUE"].removeprefix("http://")
TOKEN = re.compile(rb'"next_page_token":\s*"([^"]*)"')


def get(connection, path, query):
    headers = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret", "Accept-Encoding": "gzip"}
    connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.headers.get("Content-Encoding") == "gzip":
        import gzip

        body = gzip.decompress(body)
    return body


def universe(path):
    connection = http.client.HTTPConnection(HOST)
    assets = json.loads(get(connection, "/v2/assets", {"status": "active", "asset_class": "us_equity"}))
    now = json.loads(get(connection, "/v2/clock", {}))["timestamp"][:10]
    days = json.loads(get(connection, "/v2/calendar", {"start": FIRST, "end": now}))
    closed = [day["date"] for day in days if day["date"] < now]
    with open(path, "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["symbol", "sector"])
        rows.writerows([asset["symbol"], "Sector"] for asset in assets)
    print(closed[0], closed[-1])


def chunk(symbols, start, end, adjustment):
    connection = http.client.HTTPConnection(HOST)
    query = {"symbols": ",".join(symbols), "timeframe": "1Day", "start": start, "end": end, "limit": 10_000}
    query |= {"adjustment": adjustment, "feed": "sip", "sort": "asc"}
    pages = 0
    while True:
        body = get(connection, "/v2/stocks/bars", query)
        pages += 1
        token = TOKEN.search(body[-400:]) or TOKEN.search(body[:400])
        if token is None:
            return pages
        query["page_token"] = token[1].decode()


def pages(path, start, end):
    symbols = sorted(row["symbol"] for row in csv.DictReader(open(path)))
    start, end = (datetime.fromisoformat(day).replace(tzinfo=NEW_YORK).isoformat() for day in (start, end))
    jobs = [(symbols[at : at + 50], adjustment) for adjustment in ("split", "raw") for at in range(0, len(symbols), 50)]
    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda job: chunk(job[0], start, end, job[1]), jobs))
    print(f"{time.perf_counter() - began:.3f} {sum(counts)}")


if sys.argv[1] == "universe":
    universe(sys.argv[2])
else:
    pages(*sys.argv[2:])
