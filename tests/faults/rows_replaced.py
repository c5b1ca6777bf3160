"""Row 6: the FIFO is unlinked and made anew, with its folder or without, under a running bridge."""
import os
import shutil
import time

import harness
import history
from rows_writers import Pipeline
from trial import Client, row


@row(6, "the FIFO is replaced under a running bridge", seconds=20)
def replaced(trial):
    worst, times = 0.0, trial.amount(20)
    for with_folder in (False, True):
        home = trial.folder / f"home{int(with_folder)}"
        home.mkdir()
        path = trial.make_fifo(home / "in")
        pipeline = Pipeline(trial, fifo=path)
        writer, old = 0, Client(trial, f"fifo:{path}")
        trial.assertEqual(old.send(writer, 1, 100, 5000), "sent")
        for _ in range(times):
            with trial.attempt():
                send_fifty(trial, old, writer, 2)
                replace(home, path, with_folder)
                # Who comes by the path finds the new one, and is heard within a second.
                new, began = Client(trial, f"fifo:{path}"), time.monotonic()
                trial.assertEqual(new.send(writer + 1, 1, 100, 5000), "sent")
                harness.wait_until(lambda: has_come(pipeline, writer + 1), "the new FIFO's message")
                took = time.monotonic() - began
                trial.assertLess(took, 1.0)
                worst = max(worst, took)
                # Who is still on the old one is read until he leaves.
                send_fifty(trial, old, writer, 52)
                old.end()
                old, writer = new, writer + 1
        old.end()
        sent = {number: history.Sent(101, 101) for number in range(times)} | {times: history.Sent(1, 1)}
        pipeline.receiver.wait_for(101 * times + 1)
        came_in = pipeline.settle()
        history.check_nothing_lost(pipeline.receiver.check(sent), sent)
        trial.assertEqual(came_in["reopened"], times)
        trial.assertNotIn("bytes_skipped", came_in)
    return f"noticed within {worst * 1000:.0f} ms"


def send_fifty(trial, client, writer, first):
    trial.assertEqual(client.ask("flood", writer, first, 50, 16, 20_000, -1, trial.seed()),
                      "accepted 50 refused")


def replace(home, path, with_folder):
    if with_folder:
        shutil.rmtree(home)
        home.mkdir()
    else:
        path.unlink()
    os.mkfifo(path, 0o600)


def has_come(pipeline, writer):
    return any(arrival.writer == writer for arrival in history.latest_arrivals(pipeline.receiver.arrivals))
