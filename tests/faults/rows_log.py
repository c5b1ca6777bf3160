"""Row 48: what goes wrong again and again, in the log."""
import datetime
import json
import re
import signal
import time

import harness
from trial import row

SECONDS = 4


@row(48, "the same error again and again: once a second, counted", seconds=SECONDS + 2)
def repeats(trial):
    fifo = trial.new_fifo()
    bridge = trial.bridge(f"fifo:{fifo}", "-?format=raw", "--log-format", "json")
    good = harness.checked_frame(b"good")
    damaged = bytearray(good)
    damaged[-1] ^= 1
    writer = trial.open_writer(fifo)
    count, end = 0, time.monotonic() + trial.amount(SECONDS)
    while time.monotonic() < end:
        trial.write_all(writer, bytes(damaged) + good)
        count += 1
    with trial.attempt(count):
        bridge.signal(signal.SIGTERM)
        trial.assert_ends(bridge, 128 + signal.SIGTERM)
        trial.assertEqual(bridge.out, b"good" * count)
        lines = [json.loads(line) for line in bridge.err.splitlines()]
        lost = [line for line in lines if line["message"].startswith(f"lost at fifo:{fifo}:")]
        said = [int(re.search(r"frames_damaged=(\d+)", line["message"])[1]) for line in lost]
        trial.assertEqual(sum(said), count)
        at = [datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")) for line in lost]
        # The last one is the end's.
        for earlier, later in zip(at, at[1:-1]):
            trial.assertGreaterEqual(later - earlier, datetime.timedelta(milliseconds=990))
    return f"{count} damaged frames in {len(lost)} lines"
