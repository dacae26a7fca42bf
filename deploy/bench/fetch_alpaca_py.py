"""The same fetch as `aurora fetch`, with Alpaca's own client: daily bars, split-adjusted and raw, to Parquet.

    python fetch_alpaca_py.py http://127.0.0.1:8080 symbols.csv 2014-01-02 2024-01-02 out.parquet

Symbols 50 at a time, as aurora asks for them. alpaca-py turns its pages by itself.
"""

import sys
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame

NEW_YORK = ZoneInfo("America/New_York")
CHUNK = 50


def bars(client, symbols, start, end, adjustment):
    frames = []
    for first in range(0, len(symbols), CHUNK):
        request = StockBarsRequest(
            symbol_or_symbols=symbols[first : first + CHUNK],
            timeframe=TimeFrame.Day,
            start=start,
            end=end,
            adjustment=adjustment,
            feed=DataFeed.SIP,
        )
        frames.append(client.get_stock_bars(request).df)
    return pd.concat(frames)


def main():
    url, symbols_csv, start, end, out = sys.argv[1:]
    symbols = sorted(pd.read_csv(symbols_csv, keep_default_na=False).symbol)
    start, end = (datetime.fromisoformat(day).replace(tzinfo=NEW_YORK) for day in (start, end))
    client = StockHistoricalDataClient("key", "secret", url_override=url)
    began = time.perf_counter()
    prices = bars(client, symbols, start, end, Adjustment.SPLIT)
    raw = bars(client, symbols, start, end, Adjustment.RAW)
    prices["raw_close"] = raw["close"]
    prices = prices.reset_index()
    prices["session"] = prices["timestamp"].dt.tz_convert(NEW_YORK).dt.date
    columns = ["symbol", "session", "open", "high", "low", "close", "volume", "raw_close"]
    prices = prices[columns].sort_values(["session", "symbol"])
    prices.to_parquet(out, index=False)
    print(f"{time.perf_counter() - began:.3f} {len(prices)}")


main()
