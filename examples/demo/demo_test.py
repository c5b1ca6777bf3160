"""Runs the demo for a moment, and sees that its summary tells the truth and that it leaves nothing behind.

FIFOMQ_BIN names the folder of fifomq and host_readings.
"""
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import zmq

HERE = pathlib.Path(__file__).resolve().parent
FRAME_PROTO = pathlib.Path("fifomq/v1/frame.proto")
PROTO = HERE.parent.parent / "proto"
BIN = pathlib.Path(os.environ.get("FIFOMQ_BIN", "build/release/bin")).resolve()
PYTHON = "/usr/bin/python3"
TIMEOUT = 100  # seconds; only what hangs ever takes it
SUMMARY_LINE = re.compile(r"^(\w+) +(\d+) +(\d+)   (.*)$", re.MULTILINE)
GOOD = "all, once, in order"


def processes_naming(text):
    """Command lines of the processes that have this text in them."""
    found = []
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if text.encode() in line:
            found.append(line)
    return found


class DemoCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="demo_test_")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def start(self, *arguments):
        process = subprocess.Popen(
            [PYTHON, "-B", HERE / "run_demo.py", "--programs", BIN, *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": self.directory})
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def read_until(self, process, pattern):
        """Reads standard output up to the first match."""
        deadline = time.monotonic() + TIMEOUT
        text = ""
        while not re.search(pattern, text):
            ready, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
            more = os.read(process.stdout.fileno(), 65536) if ready else b""
            self.assertTrue(more, f"no {pattern!r} in {text!r}")
            text += more.decode()
        return text

    def check_good_summary(self, output):
        lines = SUMMARY_LINE.findall(output)
        self.assertEqual({name for name, *_ in lines}, {"host", "log", "python"}, output)
        for name, sent, received, verdict in lines:
            self.assertGreater(int(sent), 0, name)
            self.assertEqual(sent, received, name)
            self.assertEqual(verdict, GOOD, name)

    def check_nothing_left(self):
        self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(processes_naming(self.directory), [])

    def test_ends_by_itself_with_all_that_was_sent(self):
        process = self.start("--seconds", "3")
        output, errors = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, output + errors)
        self.check_good_summary(output)
        self.assertRegex(output, r"cpu \d+ % of [1-9]")
        self.assertRegex(output, r"memory [\d.]+ of [\d.]+ GiB")
        self.check_nothing_left()

    def test_interrupted_it_still_sums_up(self):
        process = self.start("--forever")
        self.read_until(process, r"host [1-9].*log [1-9].*python [1-9]")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, output + errors)
        self.check_good_summary(output)
        self.check_nothing_left()

    def test_a_part_that_dies_ends_it_with_an_error(self):
        process = self.start("--forever")
        self.read_until(process, r"host [1-9]")
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        bridge = next(pid for pid in children if b"bridge" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(int(bridge), signal.SIGKILL)
        _, errors = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 1)
        self.assertIn("bridge-frames ended with status -9", errors)
        self.check_nothing_left()

    def test_killed_it_takes_its_parts_with_it(self):
        process = self.start("--forever")
        self.read_until(process, r"host [1-9]")
        process.kill()
        process.communicate(timeout=TIMEOUT)
        deadline = time.monotonic() + TIMEOUT
        while processes_naming(self.directory) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(processes_naming(self.directory), [])


class SubscriberCase(unittest.TestCase):
    """The subscriber's judgement, on frames that this test sends itself."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="demo_test_")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        for root, file in ((PROTO, FRAME_PROTO), (HERE, "reading.proto")):
            subprocess.run(["protoc", f"--python_out={self.directory}", f"-I{root}", file], check=True)
        sys.path.insert(0, self.directory)
        self.addCleanup(sys.path.remove, self.directory)

    def judge(self, frames, reports):
        """Exit status and output of a subscriber that got these frames and is told those reports."""
        from fifomq.v1 import frame_pb2
        context = zmq.Context()
        self.addCleanup(context.destroy, linger=0)
        publisher = context.socket(zmq.XPUB)
        self.addCleanup(publisher.close, linger=0)
        address = f"ipc://{self.directory}/readings"
        publisher.bind(address)
        process = subprocess.Popen([PYTHON, "-B", HERE / "subscriber.py", address], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": self.directory})
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertTrue(publisher.poll(1000 * TIMEOUT))
        publisher.recv()  # its subscription
        for topic, fields in frames:
            publisher.send_multipart([topic.encode(), frame_pb2.Frame(**fields).SerializeToString()])
        output, _ = process.communicate(json.dumps(reports) + "\n", timeout=TIMEOUT)
        return process.returncode, {name: verdict for name, _, _, verdict in SUMMARY_LINE.findall(output)}

    def numbered(self, *sequence, writer=7):
        return [("python", {"writer": writer, "sequence": number}) for number in sequence]

    def test_good(self):
        self.assertEqual(self.judge(self.numbered(1, 2, 3), {"python": {"sent": 3}}), (0, {"python": GOOD}))

    def test_nothing_sent_is_no_success(self):
        status, verdicts = self.judge([], {"python": {"sent": 0}})
        self.assertEqual(status, 1)
        self.assertIn("sent nothing", verdicts["python"])

    def test_lost(self):
        status, verdicts = self.judge(self.numbered(1, 3), {"python": {"sent": 3}})
        self.assertEqual(status, 1)
        self.assertEqual(verdicts["python"], "3 sent, 2 received; 1 numbers were skipped")

    def test_lost_and_doubled_do_not_cancel_out(self):
        status, verdicts = self.judge(self.numbered(1, 1, 3), {"python": {"sent": 3}})
        self.assertEqual(status, 1)
        self.assertEqual(verdicts["python"], "1 numbers were skipped; 1 came late or twice")

    def test_out_of_order(self):
        status, _ = self.judge(self.numbered(2, 1, 3), {"python": {"sent": 3}})
        self.assertEqual(status, 1)

    def test_more_than_was_sent(self):
        status, _ = self.judge(self.numbered(1, 2), {"python": {"sent": 1}})
        self.assertEqual(status, 1)

    def test_a_writer_that_reported_nothing(self):
        status, verdicts = self.judge(self.numbered(1), {"host": {"sent": 0}})
        self.assertEqual(status, 1)
        self.assertIn("0 sent, 1 received", verdicts["python"])

    def test_other_lines_than_were_sent(self):
        status, verdicts = self.judge([("log", {"payload": b"a"})], {"log": {"sent": 1, "sha256": "0" * 64}})
        self.assertEqual(status, 1)
        self.assertIn("not those that were sent", verdicts["log"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
