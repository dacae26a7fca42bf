"""The wire without our code: every golden message decodes with the `msgpack` package alone."""
import math
import struct
from pathlib import Path

import msgpack

GOLDEN = Path(__file__).parents[2] / "messages/tests/golden.txt"


def golden():
    lines = [line.split() for line in GOLDEN.read_text().splitlines()]
    return {kind: msgpack.unpackb(bytes.fromhex(data)) for kind, data in lines}


def column(data, code):
    width = struct.calcsize(code)
    return [struct.unpack_from("<" + code, data, i)[0] for i in range(0, len(data), width)]


def test_every_type_is_a_map_with_id_time_type_and_body():
    messages = golden()
    assert len(messages) == 28
    for kind, message in messages.items():
        assert list(message) == ["id", "at", "type", "body"], kind
        assert message["type"] == kind
        assert message["at"] == 1_704_286_800_000_000_000
        assert isinstance(message["body"], dict), kind


def test_columns_are_little_endian_numbers_beside_their_names():
    bars = golden()["bars.v1"]["body"]
    assert bars["session"] == "2024-01-02"
    assert bars["symbols"] == ["AAPL", "BRK.B"]
    assert column(bars["close"], "d") == [185.64, 362.46]
    assert column(bars["volume"], "d") == [82_488_700.0, 3_000_000.0]

    scores = golden()["scores.v1"]["body"]
    assert dict(zip(scores["symbols"], column(scores["scores"], "f"))) == {"AAPL": 0.25, "BRK.B": -0.125}
    rows = len(scores["symbols"])
    contributions = column(scores["contributions"], "f")
    width = len(contributions) // rows
    assert width == len(scores["names"])
    for row in range(rows):
        total = sum(contributions[row * width:(row + 1) * width])
        assert math.isclose(total, column(scores["scores"], "f")[row], abs_tol=1e-6)


def test_money_is_whole_micro_dollars():
    order = golden()["submit_order.v1"]["body"]
    assert order["client_order_id"] == "au-20240103-BRK.B-0-0"
    assert (order["side"], order["quantity"], order["time_in_force"]) == ("sell", 120, "opg")
    assert order["reference"] == 400_500_000
    fill = golden()["filled.v1"]["body"]
    assert fill["price"] * fill["quantity"] == 48_055_200_000
