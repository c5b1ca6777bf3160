"""What TO refuses for good goes to the file of --dead-letter: whole, readable, counted by reason."""
import json
import os
import re
import signal
import stat
import urllib.request

import harness

LARGE = b"L" * 9000  # three frames in the file
FRAMES = "-?framing=frame"


class DeadLetters(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        self.letters = self.folder / "letters"

    def carry(self, *messages, to="-?max_message=1KiB", status=0, command=(), **fields):
        """Through a bridge to its end."""
        source = self.folder / "source"
        source.write_bytes(b"".join(harness.checked_frame(payload, **fields) if len(payload) < 4000
                                    else self.fragments(payload) for payload in messages))
        with open(source, "rb") as file:
            bridge = self.start(*command, harness.FIFOMQ, "bridge", FRAMES, to, "--dead-letter", self.letters,
                                stdin=file)
            self.assert_ends(bridge, status)
        return bridge

    def test_the_page(self):
        shell = self.run_from_page("bridge/README.md", "--dead-letter")
        self.assertEqual(shell.out.splitlines(), [b"small", b"a message that is too large"])
        self.run_from_page("bridge/README.md", "across power loss")

    def fragments(self, payload):
        """As a sender of ours writes it."""
        source, sent = self.folder / "large", self.folder / "sent"
        source.write_bytes(payload + b"\n")
        with open(sent, "wb") as out:
            self.run_fifomq("send", FRAMES, source, stdout=out)
        return sent.read_bytes()

    def read(self):
        """What recv makes of the file."""
        with open(self.letters, "rb") as file:
            printed = self.run_fifomq("recv", FRAMES, "--format", "json", stdin=file)
        return [json.loads(line) for line in printed.out.decode().splitlines()], printed.err

    def test_what_is_refused_is_read_back_as_it_came(self):
        bridge = self.carry(b"small", b"m" * 1025, b"again", writer=7, sequence=3, topic="topic", hops=2)
        self.assertEqual(bridge.out, b"small\nagain\n")
        (letter,), _ = self.read()
        self.assertEqual([letter[key] for key in ("payload", "topic", "writer", "sequence", "hops")],
                         ["m" * 1025, "topic", 7, 3, 2])
        report = self.ledger(bridge, "relayed=")
        self.assertEqual(report, {"relayed": 2, "hop_limit": 0, "refused": 1, "unsent": 0, "too_large": 1,
                                  "dead_letters": 1})
        self.assertIn("warning: gone to the dead letters: refused=1\n", bridge.err)
        self.assertNotIn("lost at", bridge.err)

    def test_each_reason(self):
        self.carry(LARGE)
        bridge = self.carry(b"one\ntwo", to="-?framing=line")
        self.assertEqual(self.ledger(bridge, "relayed=")["not_representable"], 1)
        bridge = self.carry(b"round and round", hops=8)
        self.assertEqual(self.ledger(bridge, "relayed=")["hop_limit"], 1)
        self.assertEqual([letter["payload"].encode() for letter in self.read()[0]],
                         [LARGE, b"one\ntwo", b"round and round"])

    def test_it_is_its_owners_alone_and_stays_as_it_is(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.carry(b"small")
        self.assertEqual(stat.S_IMODE(self.letters.stat().st_mode), 0o600)
        self.letters.chmod(0o640)
        self.carry(b"small")
        self.assertEqual(stat.S_IMODE(self.letters.stat().st_mode), 0o640)
        self.assertEqual(self.letters.read_bytes(), b"")

    def test_what_a_crash_left_torn_hides_nothing_behind_it(self):
        self.carry(b"f" * 2000, LARGE)
        whole = self.letters.read_bytes()
        small = whole.index(b"L" * 100) - 64
        self.letters.unlink()
        self.carry(b"1" * 1030, b"2" * 1030)
        later = self.letters.read_bytes()
        for cut in (*range(1, 40), *range(small, small + 120, 7), *range(200, len(whole), 487), len(whole) - 1):
            with self.subTest(cut=cut):
                self.letters.write_bytes(whole[:cut])
                with open(self.letters, "ab") as file:
                    file.write(later)
                self.assertEqual([letter["payload"][0] for letter in self.read()[0]][-2:], ["1", "2"])

    def test_a_second_bridge_appends_behind_a_torn_end(self):
        self.carry(LARGE)
        os.truncate(self.letters, self.letters.stat().st_size - 100)
        self.carry(b"m" * 1025)
        self.assertEqual([letter["payload"] for letter in self.read()[0]], ["m" * 1025])

    def test_a_letter_that_cannot_be_written_stops_the_bridge(self):
        """And stays in the spool, so that it comes again."""
        self.run_fifomq("send", "spool:./from", self.file_with(b"first", LARGE, b"last"))
        arguments = ("bridge", "spool:./from", "spool:./to?max_message=1KiB", "--dead-letter", self.letters,
                     "--idle-exit", "200ms")
        stopped = self.start("prlimit", "--fsize=4000", harness.FIFOMQ, *arguments)
        self.assert_ends(stopped, 1)
        self.assertIn(f"\nfifomq: {self.letters}: cannot write dead letters, so the bridge stops: "
                      "File too large [system_failure]\n", stopped.err)
        self.assertTrue(stopped.err.endswith("[system_failure]\n"), "one sentence, and the last")
        self.run_fifomq(*arguments)
        self.assertEqual([letter["payload"].encode() for letter in self.read()[0]], [LARGE])
        out = self.run_fifomq("recv", "spool:./to", "--idle-exit", "200ms").out.split()
        self.assertEqual(out[-1], b"last")
        self.assertEqual(set(out), {b"first", b"last"})

    def file_with(self, *lines):
        path = self.folder / "lines"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    def test_a_place_where_there_can_be_none(self):
        self.make_fifo()
        settings = self.folder / "bridge.toml"
        for path, said in ((self.fifo, f"{self.fifo} is not a regular file"),
                           (self.folder, f"{self.folder} is not a regular file"),
                           (self.folder / "no" / "letters", "No such file or directory")):
            for place, given in (("--dead-letter", ("fifo:./made", "-", "--dead-letter", path)),
                                 (f"{settings}:3", ("--config", settings))):
                settings.write_text(f'from = "fifo:./made"\nto = "-"\ndead_letter = "{path}"\n')
                for extra in ((), ("--dry-run",)):
                    with self.subTest(path=path, place=place, extra=extra):
                        refused = self.run_fifomq("bridge", *given, *extra, status=2)
                        self.assertRegex(refused.err, f"^fifomq: {re.escape(place)}: .*{re.escape(said)}\n$")
        self.assertFalse((self.folder / "made").exists(), "it is opened before the endpoints")

    def test_the_plan_names_it_and_makes_nothing(self):
        plan = self.run_fifomq("bridge", "fifo:./made", "-", "--dead-letter", self.letters, "--dry-run")
        self.assertIn(f"letters   {self.letters}\n", plan.out.decode())
        self.assertFalse(self.letters.exists())

    def test_metrics(self):
        bridge = self.bridge(f"fifo:{self.fifo}", "-?max_message=1KiB", "--metrics", "127.0.0.1:0",
                             "--dead-letter", self.letters)
        url = bridge.wait_for(r"metrics: (http\S+)").group(1).decode()
        self.write(harness.foreign_frame(b"m" * 1025) + harness.foreign_frame(b"small"))
        bridge.wait_for("small\n", "stdout")
        with urllib.request.urlopen(url, timeout=harness.TIMEOUT) as answer:
            text = answer.read().decode()
        for line in ('fifomq_messages_refused_total{reason="too_large"} 1\n',
                     'fifomq_messages_refused_total{reason="not_representable"} 0\n',
                     "fifomq_dead_letters_total 1\n"):
            self.assertIn(line, text)
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 143)


if __name__ == "__main__":
    harness.unittest.main(verbosity=2)
