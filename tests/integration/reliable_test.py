"""Nothing is lost between a pipe and a receiver of `zmq+reliable:` in Python, whichever is killed: that receiver, or the
bridge in front of it. (Our own receiver is killed in tests/faults.)"""
import collections
import os
import pathlib
import random
import runpy
import subprocess
import sys
import time
import unittest

import harness

EXAMPLE = harness.SOURCE / "examples/reliable_receiver.py"


def make_classes(folder):
    subprocess.run(["protoc", f"--python_out={folder}", f"-I{harness.SOURCE}/proto",
                    "fifomq/v1/frame.proto", "fifomq/v1/reliable.proto"], check=True, timeout=harness.TIMEOUT)


class Chain:
    """A pipe that somebody holds, a bridge, and a receiver that writes lines into a file."""

    def __init__(self, test, receiver):
        self.test, self.receiver_command = test, receiver
        self.fifo = test.folder / "in"
        os.mkfifo(self.fifo, 0o600)
        self.hold = os.open(self.fifo, os.O_RDWR)
        test.addCleanup(os.close, self.hold)
        self.lines = test.folder / "lines"
        self.lines.touch()
        self.started = {}
        for name in ("bridge", "receiver"):
            self.start(name)

    def start(self, name):
        commands = {"bridge": [harness.FIFOMQ, "bridge", f"fifo:{self.fifo}", "zmq+reliable:ipc://socket",
                               "--require", "at-least-once", "--quiet"],
                    "receiver": self.receiver_command}
        log = open(self.test.folder / f"{name}.log", "ab")
        self.started[name] = subprocess.Popen(commands[name], cwd=self.test.folder, stdout=log, stderr=log)
        log.close()
        self.test.addCleanup(self.kill, self.started[name])

    def kill(self, process):
        process.kill()
        process.wait()

    def kill_one(self, name):
        self.kill(self.started[name])
        self.start(name)

    def numbers(self):
        """(writer, sequence) of each line that is whole."""
        text = self.lines.read_bytes()
        for line in text[:text.rfind(b"\n") + 1].splitlines():
            writer, sequence, payload = line.split(b" ")
            self.test.assertEqual(int(payload), int(sequence))
            yield int(writer), int(sequence)


class Reliable(harness.IntegrationCase):
    MESSAGES, KILLS = 20_000, 40

    def check_kills(self, receiver, victims):
        seed = int(os.environ.get("FIFOMQ_SEED", random.SystemRandom().getrandbits(32)))
        print(f"seed {seed} (FIFOMQ_SEED={seed} repeats it)", flush=True)
        chance = random.Random(seed)
        chain = Chain(self, receiver)
        text = "".join(f"{number}\n" for number in range(1, self.MESSAGES + 1))
        sender = subprocess.Popen([harness.FIFOMQ, "send", f"fifo:{chain.fifo}", "--quiet"], stdin=subprocess.PIPE)
        self.addCleanup(chain.kill, sender)
        fed = 0
        for kill in range(self.KILLS):
            upto = len(text) * (kill + 1) // self.KILLS
            sender.stdin.write(text[fed:upto].encode())
            sender.stdin.flush()
            fed = upto
            size = chain.lines.stat().st_size
            harness.wait_until(lambda: chain.lines.stat().st_size > size, "something to arrive")
            time.sleep(chance.random() * 0.01)  # any instant
            chain.kill_one(chance.choice(victims))
        sender.stdin.close()
        self.assertEqual(sender.wait(harness.TIMEOUT), 0)
        harness.wait_until(lambda: len(set(chain.numbers())) == self.MESSAGES, "all to arrive")
        self.check(chain)

    def check(self, chain):
        """None is missing, and without what came before they stand in order."""
        last, again = collections.Counter(), 0
        for writer, sequence in chain.numbers():
            if sequence <= last[writer]:
                again += 1
                continue
            self.assertEqual(sequence, last[writer] + 1)
            last[writer] = sequence
        self.assertEqual(list(last.values()), [self.MESSAGES])
        print(f"{self.MESSAGES} messages, {self.KILLS} kills, {again} came again", flush=True)

    def test_the_receiver_in_python_and_the_bridge_are_killed(self):
        make_classes(self.folder)
        os.environ["PYTHONPATH"] = str(self.folder)
        self.check_kills([sys.executable, "-B", EXAMPLE, "ipc://socket", "lines"], ["bridge", "receiver"])


class Answers(harness.IntegrationCase):
    """What the receiver in Python says to whom it does not know, and ignores."""

    def test_of_an_unknown_stream(self):
        make_classes(self.folder)
        sys.path.insert(0, str(self.folder))
        self.addCleanup(sys.path.remove, str(self.folder))
        example = runpy.run_path(EXAMPLE)
        said, receiver = example["Reliable"], example["Receiver"](self.fail)
        answer = lambda **fields: receiver.hear(said(stream=5, **fields), b"")
        self.assertEqual(answer(kind=said.PING, epoch=3), said(kind=said.NACK, stream=5, epoch=3))
        self.assertEqual(answer(kind=said.DATA, sequence=2), said(kind=said.NACK, stream=5))
        for kind in (said.GAP, said.ACK, 9):
            self.assertIsNone(answer(kind=kind, epoch=3))
        self.assertEqual(receiver.streams, {})
        self.assertEqual(answer(kind=said.HELLO, epoch=1, sequence=7, version=1).kind, said.WELCOME)
        self.assertIsNone(answer(kind=9, epoch=1))
        self.assertIsNone(answer(kind=said.PING, epoch=0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
