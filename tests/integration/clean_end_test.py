"""A bridge that ends in good order takes nothing with it: what it has accepted arrives, also when the receiver is
slower and its queue is full at that moment. (libzmq 4.3.4 loses up to a full queue of it in two ways.)"""
import os
import pathlib
import subprocess
import tempfile
import unittest

FIFOMQ = pathlib.Path(os.environ["FIFOMQ_BIN"]) / "fifomq"
SECONDS = 120
MESSAGES = 200_000 // int(os.environ.get("FIFOMQ_TEST_SCALE", "1"))


class CleanEnd(unittest.TestCase):
    def relay(self, sending, receiving, options=""):
        with tempfile.TemporaryDirectory(prefix="fifomq-clean-end-") as folder:
            address = f"ipc://{folder}/socket"
            lines = "".join(f"{number}\n" for number in range(MESSAGES))
            (pathlib.Path(folder) / "lines").write_text(lines)
            with open(f"{folder}/lines", "rb") as source, open(f"{folder}/received", "wb") as sink:
                bridge = subprocess.Popen([FIFOMQ, "--quiet", "bridge", "-",
                                           f"zmq+{sending}:@{address}?linger=60s{options}"], stdin=source)
                receiver = subprocess.Popen([FIFOMQ, "recv", f"zmq+{receiving}:{address}",
                                             "--count", str(MESSAGES)], stdout=sink)
                try:
                    self.assertEqual(bridge.wait(timeout=SECONDS), 0)
                    self.assertEqual(receiver.wait(timeout=SECONDS), 0)
                finally:
                    bridge.kill()
                    receiver.kill()
                    bridge.wait()
                    receiver.wait()
            self.assertEqual((pathlib.Path(folder) / "received").read_text(), lines)

    def test_what_a_receiver_has_fetched_outlives_the_sender(self):
        # Fewer than its queue holds, and more than its standard output takes while nobody reads that.
        lines = "".join(f"{number:0200}\n" for number in range(900))
        with tempfile.TemporaryDirectory(prefix="fifomq-clean-end-") as folder:
            address = f"ipc://{folder}/socket"
            with subprocess.Popen([FIFOMQ, "recv", f"zmq+pull:{address}", "--count", "900"], text=True,
                                  stdout=subprocess.PIPE) as receiver:
                subprocess.run([FIFOMQ, "--quiet", "bridge", "-", f"zmq+push:@{address}?linger=60s"],
                               input=lines, text=True, check=True, timeout=SECONDS)
                try:
                    self.assertEqual(receiver.communicate(timeout=20)[0], lines)
                finally:
                    receiver.kill()

    def test_push(self):
        self.relay("push", "pull")

    def test_pub(self):
        self.relay("pub", "sub", "&wait_peers=1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
