"""Several library writers on one pipe, through the bridge, to one receiver; and how they write."""
import os
import re
import shutil
import subprocess
import unittest

import harness

WRITERS = 4


class LibraryWriters(harness.IntegrationCase):
    def flood(self, count_each):
        return [self.start(harness.TEST_PROGRAMS / "flood_writer", f"fifo:{self.fifo}", writer,
                           count_each) for writer in range(WRITERS)]

    def checker(self, endpoint, writers, count_each):
        return self.start(harness.TEST_PROGRAMS / "flood_checker", endpoint, writers, count_each)

    def carry(self, bridge_to, receiver_endpoint, count_each):
        total = WRITERS * count_each
        checker = self.checker(receiver_endpoint, WRITERS, count_each)
        bridge = self.bridge(f"fifo:{self.fifo}", bridge_to, "--count", total)
        writers = self.flood(count_each)
        self.assert_ends(checker, 0)
        self.assert_ends(bridge, 0)
        for writer in writers:
            self.assert_ends(writer, 0)
        self.assertEqual(checker.out.decode(), f"received{f' {count_each}' * WRITERS}\n")
        came_in = self.ledger(bridge, "from ")
        self.assertEqual(came_in["messages_delivered"], total)
        self.assertNotIn("sequence_gaps", came_in)
        self.assertNotIn("bytes_skipped", came_in)
        self.assert_settles(came_in)
        self.assertEqual(self.ledger(bridge, "relayed=")["relayed"], total)

    def test_four_writers_to_a_puller(self):
        self.carry(f"zmq+push:@{self.ipc()}", f"zmq+pull:{self.ipc()}",
                   harness.scaled(200_000) // WRITERS)

    def test_four_writers_to_a_subscriber(self):
        self.carry(f"zmq+pub:@{self.ipc()}?wait_peers=1", f"zmq+sub:{self.ipc()}",
                   harness.scaled(40_000) // WRITERS)

    def test_four_writers_to_a_second_pipe(self):
        second = self.folder / "second"
        self.carry(f"fifo:{second}", f"fifo:{second}", harness.scaled(40_000) // WRITERS)

    def test_no_write_to_the_pipe_is_above_4096_bytes(self):
        self.require_ptrace()
        self.make_fifo()
        trace, count = self.folder / "trace", harness.scaled(5_000)
        checker = self.checker(f"fifo:{self.fifo}", 1, count)
        writer = self.start(
            "strace", "-f", "-y", "-v", "-s", "0", "-o", trace,
            "-e", "trace=write,writev,pwritev2,vmsplice,splice",
            harness.TEST_PROGRAMS / "flood_writer", f"fifo:{self.fifo}", 0, count,
            # Its leak check cannot run under ptrace.
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        self.assert_ends(writer, 0)
        self.assert_ends(checker, 0)
        sizes = []
        for line in trace.read_text().splitlines():
            if f"<{self.fifo}>" not in line:
                continue
            pieces, result = self.pieces_of(line)
            self.assertLessEqual(max(pieces), harness.PIPE_BUF, line)
            whole = [sum(pieces[:some]) for some in range(1, len(pieces) + 1)]
            self.assertIn(result, (*whole, -1), f"{line}: a piece was torn")
            sizes += pieces[:whole.index(result) + 1] if result > 0 else []
        self.assertGreater(len(sizes), 100)
        self.assertGreater(max(sizes), harness.PIPE_BUF - 64, "no large message was fragmented")

    def pieces_of(self, line):
        """The pieces that a traced call offered, and how much of them was taken, in bytes."""
        result = int(re.search(r" = (-?\d+)", line).group(1))
        pieces = [int(size) for size in re.findall(r"iov_len=(\d+)", line)]
        if re.search(r" vmsplice\(", line):
            return pieces, result
        if re.search(r" (writev|pwritev2)\(", line):
            return [sum(pieces)], result
        call = re.search(r" (?:write\(.*, (\d+)\)|splice\(.*, (\d+), \S+\)) +=", line)
        self.assertIsNotNone(call, f"not understood: {line}")
        return [int(call.group(1) or call.group(2))], result

    def require_ptrace(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True,
                               text=True, timeout=harness.TIMEOUT)
        if probe.returncode != 0:
            self.skipTest(f"strace cannot trace here: {probe.stderr.strip()}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
