"""Tiny Parquet files as pyarrow writes them, with types that polars was not built for here."""
import sys, decimal, datetime as D, numpy as np, pyarrow as pa, pyarrow.parquet as pq
out = sys.argv[1]
day = D.date(2024, 1, 2)
def table(**change):
    columns = {
        'symbol': pa.array(['META', 'BRK-B']), 'date': pa.array([day, day]),
        'open': pa.array([10.0, 20.0]), 'high': pa.array([12.0, 22.0]), 'low': pa.array([9.0, 19.0]),
        'close': pa.array([11.0, 21.0]), 'volume': pa.array([100, 120], pa.int64()),
    }
    columns.update(change)
    return pa.table(columns)
def write(name, **change): pq.write_table(table(**change), f'{out}/{name}.parquet', compression='none')
two = lambda a, b, t: pa.array([a, b], t)
for name, t in [('int8', pa.int8()), ('int16', pa.int16()), ('uint8', pa.uint8()), ('uint16', pa.uint16()), ('uint32', pa.uint32()), ('uint64', pa.uint64())]:
    write(f'volume-{name}', volume=two(100, 120, t))
write('volume-boolean', volume=two(True, True, pa.bool_()))
write('volume-duration', volume=two(100, 120, pa.duration('ns')))
write('volume-timestamp', volume=two(100, 120, pa.timestamp('us')))
write('volume-float16', volume=pa.array(np.array([100, 120], np.float16)))
write('volume-decimal', volume=pa.array([decimal.Decimal('100'), decimal.Decimal('120')]))
write('symbol-category', symbol=pa.array(['META', 'BRK-B']).dictionary_encode())
write('date-date64', date=two(day, day, pa.date64()))
write('extra', a=pa.array([decimal.Decimal('1.5')] * 2), b=two(1, 1, pa.int8()), c=two(1, 1, pa.uint16()),
      d=pa.array(np.ones(2, np.float16)), e=pa.array([[('a', 1)]] * 2, pa.map_(pa.string(), pa.int64())),
      f=pa.array([{'a': 1}] * 2), g=pa.array([[1, 2]] * 2, pa.list_(pa.int64(), 2)), h=pa.array([b'abcd'] * 2, pa.binary(4)),
      i=pa.array([D.time(1)] * 2), j=pa.array([0, 0], pa.timestamp('us', 'Mars/Olympus')), k=two(1, 1, pa.duration('ns')),
      l=pa.nulls(2), m=pa.array([decimal.Decimal('1.5')] * 2, pa.decimal256(50, 2)))
