"""Payloads of types that the user has descriptors of: JSON in, JSON out, and what is neither."""
import base64
import json
import pathlib
import re
import signal
import subprocess
import unittest

import harness

PROTO = """
syntax = "proto3";
package demo;
import "google/protobuf/any.proto";
import "google/protobuf/timestamp.proto";
message Reading {
  string sensor = 1;
  double value = 2;
  int64 count = 3;
  google.protobuf.Timestamp at = 4;
  Reading inside = 5;
  repeated Empty many = 6;
  google.protobuf.Any packed = 7;
  bytes raw = 8;
  enum Kind { UNKNOWN = 0; A_KIND_WITH_A_NAME_THAT_IS_LONG_ENOUGH_TO_MAKE_MUCH_OUT_OF_LITTLE = 1; }
  repeated Kind kinds = 9;
  message Detail { int32 level = 1; }
  Detail detail = 10;
}
message Empty {}
"""
REQUIRED = """
syntax = "proto2";
package demo;
message Strict { required int32 must = 1; }
"""


def varint(number):
    digits = b""
    while number > 0x7F:
        digits += bytes([number & 0x7F | 0x80])
        number >>= 7
    return digits + bytes([number])


def field(number, content):
    """One of wire type 2."""
    return varint(number << 3 | 2) + varint(len(content)) + content


class TypedPayloads(harness.IntegrationCase):
    @classmethod
    def setUpClass(cls):
        folder = harness.tempfile.TemporaryDirectory(prefix="fifomq_types_")
        cls.addClassCleanup(folder.cleanup)
        cls.types = pathlib.Path(folder.name)
        (cls.types / "demo.proto").write_text(PROTO)
        (cls.types / "strict.proto").write_text(REQUIRED)
        cls.describe("demo.pb", "--include_imports", "demo.proto", "strict.proto")
        cls.describe("bare.pb", "demo.proto")

    @classmethod
    def describe(cls, name, *arguments):
        subprocess.run(["protoc", f"--proto_path={cls.types}", f"--descriptor_set_out={cls.types / name}",
                        *arguments], check=True, timeout=harness.TIMEOUT)

    def setUp(self):
        super().setUp()
        self.make_fifo()
        self.hold(capacity=harness.MIB)
        self.endpoint = f"fifo:{self.fifo}"
        self.descriptors = ("--descriptor-set", self.types / "demo.pb")

    def put(self, payload, **fields):
        self.write(harness.checked_frame(payload, **fields))

    def recv(self, count, *options):
        return self.run_fifomq("recv", self.endpoint, "--count", count, *self.descriptors, *options)

    def lines(self, program):
        return program.out.decode().splitlines()

    def send(self, *lines, status=0, kind="demo.Reading"):
        source = self.folder / "lines.jsonl"
        source.write_text("".join(line + "\n" for line in lines))
        return self.run_fifomq("send", self.endpoint, source, "--type", kind, *self.descriptors,
                               status=status)

    def test_what_is_sent_comes_back(self):
        readings = [{"sensor": "über\n\"a\"\u007f\u0085", "value": 1.5, "count": "9007199254740993",
                     "at": "2026-11-25T10:00:00.000000001Z"},
                    {}, {"inside": {"inside": {"sensor": "deep"}}}, {"detail": {"level": -1}},
                    {"packed": {"@type": "type.googleapis.com/demo.Reading", "sensor": "packed"}},
                    {"kinds": ["UNKNOWN", 7], "many": [{}, {}], "raw": "AP8="}]
        self.send(*map(json.dumps, readings))
        peeked = self.run_fifomq("peek", self.endpoint, "--format", "json", *self.descriptors)
        received = self.lines(self.recv(len(readings), "--format", "json"))
        for line, peek, reading in zip(received, self.lines(peeked), readings):
            message = json.loads(line)
            self.assertEqual(message["payload"], reading)
            self.assertEqual((message["encoding"], message["type"]), ("json", "demo.Reading"))
            self.assertEqual(list(message), ["topic", "type", "payload", "encoding", "writer",
                                             "sequence", "sent_unix_nanos", "hops"])
            self.assertEqual(json.loads(peek)["payload"], reading)
            self.assertEqual(json.loads(peek)["encoding"], "json")

    def test_text(self):
        self.send('{"sensor": "a", "value": 2}', '{}')
        (first, second, _) = self.lines(self.run_fifomq("peek", self.endpoint, *self.descriptors))
        self.assertTrue(first.endswith('  demo.Reading  {"sensor":"a","value":2}'), first)
        self.assertTrue(second.endswith("  demo.Reading  {}"), second)
        self.assertEqual(self.recv(2).out, b'{"sensor":"a","value":2}\n{}\n')

    def test_the_page(self):
        shell = self.run_from_page("bridge/README.md", "--descriptor-set")
        self.assertEqual(shell.out, b'{"sensor":"door","value":1.5}\n')

    def test_what_the_runtime_wrote_and_what_it_reads(self):
        self.send('{"sensor": "s", "count": "3"}')
        frame = self.run_fifomq("recv", self.endpoint, "--count", 1, "--format", "raw").out
        self.assertEqual(frame, field(1, b"s") + b"\x18\x03")
        # In parts and twice, as the wire allows: the last one counts, messages are put together.
        self.put(field(1, b"x") + field(5, field(1, b"in")) + field(1, b"last") + field(5, b"\x18\x05"),
                 type="demo.Reading")
        self.assertEqual(self.lines(self.recv(1)),
                         ['{"sensor":"last","inside":{"sensor":"in","count":"5"}}'])

    def test_the_frame_has_the_last_word_over_the_option(self):
        self.put(field(1, b"mine"), type="demo.Reading")
        self.put(b"\x08\x04")
        self.assertEqual(self.lines(self.recv(2, "--type", "demo.Reading.Detail")),
                         ['{"sensor":"mine"}', '{"level":4}'])

    def test_unknown_types_and_damage_are_base64_and_said_once_a_type(self):
        payloads = [(b"opaque", {}), (b"\x01\x02", {"type": "demo.Readin"}),
                    (b"\xff", {"type": "demo.Readin"}), (b"\x0a\x7fx", {"type": "demo.Reading"}),
                    (b"\x0a\x01\xff", {"type": "demo.Reading"}), (b"", {"type": "demo.Strict"}),
                    (b"x", {"type": "no\x1b[31m name"}), (b"opaque too", {}),
                    (field(1, b"sound"), {"type": "demo.Reading"})]
        for payload, fields in payloads:
            self.put(payload, **fields)
        recv = self.recv(len(payloads), "--format", "json")
        messages = [json.loads(line) for line in self.lines(recv)]
        for message, (payload, _) in zip(messages[:-1], payloads):
            self.assertEqual(message["encoding"], "base64")
            self.assertEqual(base64.b64decode(message["payload"], validate=True), payload)
        self.assertEqual(messages[-1]["payload"], {"sensor": "sound"})
        notes = recv.err.splitlines()
        self.assertEqual(len(notes), 5, recv.err)
        self.assertIn("they come without a type; --type can name it", notes[0])
        self.assertIn("there is no type 'demo.Readin' in ", notes[1])
        self.assertIn("did you mean 'demo.Reading'?", notes[1])
        self.assertIn("payloads of demo.Reading are shown in base64", notes[2])
        self.assertIn("required field 'must' is missing", notes[3])
        self.assertNotIn("\x1b", recv.err)
        self.put(b"opaque")
        self.assertEqual(self.lines(self.recv(1)), ["base64:" + base64.b64encode(b"opaque").decode()])

    def test_a_payload_cannot_steer_the_terminal(self):
        self.put(field(7, field(1, b"\x1b[31m/demo.Reading") + field(2, field(1, b"x"))), type="demo.Reading")
        self.put(field(1, "\x7f\x85\x1b[31m".encode()), type="demo.Reading")
        recv = self.recv(2)
        self.assertIn("\\x1b", recv.err.lower())
        for text in (recv.err, recv.out.decode()):
            self.assertFalse(set(text) & set("\x1b\x7f\x85"), text)

    def test_many_unknown_types_are_not_all_remembered(self):
        count = 100
        for number in range(count):
            self.put(b"x", type=f"peer.Type{number}")
        recv = self.recv(count)
        self.assertEqual(len(self.lines(recv)), count)
        self.assertEqual(len(recv.err.splitlines()), 64)

    def nested(self, depth):
        payload = b""
        for _ in range(depth):
            payload = field(5, payload)
        return payload

    def packed(self, depth):
        payload = b""
        for _ in range(depth):
            payload = field(7, field(1, b"type.googleapis.com/demo.Reading") + field(2, payload))
        return payload

    def test_hostile_payloads_take_neither_the_stack_nor_the_memory(self):
        hostile = {"nested": self.nested(5000), "just over": self.nested(65),
                   "packed deep": self.packed(1500), "packed just over": self.packed(70),
                   "many objects": field(6, b"") * 450_000,
                   "long names": field(9, b"\x01" * 1_100_000)}
        recv = self.fifomq("recv", self.endpoint, "--format", "json", *self.descriptors)
        for name, payload in hostile.items():
            with self.subTest(name):
                before = recv.out.count(b"\n")
                self.send_one(payload)
                harness.wait_until(lambda: recv.out.count(b"\n") > before, "it was shown")
                message = json.loads(recv.out.splitlines()[before])
                if name != "many objects":  # these may be within the bound
                    self.assertEqual(message["encoding"], "base64", name)
        for payload, depth in ((self.nested(60), "inside"), (self.packed(20), "packed")):
            before = recv.out.count(b"\n")
            self.send_one(payload)
            harness.wait_until(lambda: recv.out.count(b"\n") > before, "it was shown")
            message = json.loads(recv.out.splitlines()[before])
            self.assertEqual(message["encoding"], "json", depth)
        status = pathlib.Path(f"/proc/{recv.pid}/status").read_text()
        peak = int(re.search(r"^VmHWM:\s*(\d+) kB$", status, re.M)[1]) << 10
        if not harness.SANITIZED:
            self.assertLess(peak, 600 * harness.MIB)
        recv.signal(signal.SIGTERM)
        self.assert_ends(recv, 143)

    def send_one(self, payload):
        """A message of any size, through the pipe in pieces no larger than its room."""
        source = self.folder / "frame"
        source.write_bytes(harness.foreign_frame(payload, type="demo.Reading"))
        with source.open("rb") as stdin:
            self.assert_ends(self.fifomq("bridge", "--", "-?framing=frame", self.endpoint,
                                         stdin=stdin), 0)

    def test_bad_lines_are_left_out_and_named_by_number(self):
        send = self.send('{"sensor": "first"}', '{"sensr": 1}', '{"value": "x"}', "", "[" * 5000,
                         "[1,2", '{"sensor": "last"}', status=1)
        for number in (2, 3, 4, 5, 6):
            self.assertIn(f"line {number} of ", send.err)
            self.assertIn("lines.jsonl is no demo.Reading: ", send.err)
        self.assertNotIn("line 1 of", send.err)
        self.assertNotIn("line 7 of", send.err)
        self.assertIn("refused=5", send.err)
        self.assertEqual(self.lines(self.recv(2)), ['{"sensor":"first"}', '{"sensor":"last"}'])

    def test_lines_that_are_left_out_for_their_size_count(self):
        source = self.folder / "lines.jsonl"
        source.write_bytes(b"{}\n" + b"x" * (64 * harness.MIB + 1) + b"\nbad\n")
        send = self.run_fifomq("send", self.endpoint, source, "--type", "demo.Reading", *self.descriptors,
                               status=1)
        self.assertIn(f"line 3 of {source} is no demo.Reading: ", send.err)
        self.assertIn("too_large=1", send.err)

    def test_thousands_of_bad_lines_make_few_words(self):
        send = self.send(*(["{"] * 5000), status=1)
        self.assertLess(len(send.err.splitlines()), 20)
        self.assertIn("refused=5000", send.err)

    def test_a_required_field(self):
        send = self.send("{}", '{"must": 1}', kind="demo.Strict", status=1)
        self.assertIn("line 1 of ", send.err)
        self.assertIn("is no demo.Strict: missing field must [", send.err)
        self.assertEqual(self.lines(self.recv(1)), ['{"must":1}'])

    def test_a_line_that_waits_for_room_is_counted_once(self):
        lines = [json.dumps({"sensor": "x" * 2000, "count": str(number)}) for number in range(1000)]
        lines.insert(900, "bad")
        source = self.folder / "many.jsonl"
        source.write_text("\n".join(lines))
        send = self.fifomq("send", self.endpoint, "--type", "demo.Reading", *self.descriptors, source)
        out = self.lines(self.recv(1000))
        self.assert_ends(send, 1)
        self.assertEqual([json.loads(line).get("count", "0") for line in out],
                         [str(number) for number in range(1000)])
        self.assertIn("line 901 of ", send.err)

    def refused(self, *arguments):
        program = self.run_fifomq(*arguments, status=2)
        self.assertRegex(program.err, r"^fifomq: [^\n]+\n$")
        return program.err

    def test_bad_input(self):
        recv = ("recv", self.endpoint, "--count", 0, "--descriptor-set")
        self.assertIn("cannot read nowhere.pb: No such file", self.refused(*recv, "nowhere.pb"))
        self.assertIn(f"cannot read {self.folder}: Is a directory", self.refused(*recv, self.folder))
        for name, content in (("empty", b""), ("text", b"syntax = proto3;\n" * 9),
                              ("torn", (self.types / "demo.pb").read_bytes()[:-5]),
                              ("another", field(2, b"x")), ("nameless", field(1, b""))):
            file = self.folder / name
            file.write_bytes(content)
            with self.subTest(name):
                self.assertIn(f"{file} is no descriptor set", self.refused(*recv, file))
        broken = self.folder / "broken.pb"
        broken.write_bytes(field(1, field(1, b"a.proto") + field(4, field(1, b"M") + field(2,
                           field(1, b"f") + b"\x18\x01\x20\x01\x28\x0b" + field(6, b".No")))))
        self.assertIn(f"{broken} cannot be used: a.proto: ", self.refused(*recv, broken))
        ring = self.folder / "ring.pb"
        ring.write_bytes(field(1, field(1, b"a.proto") + field(3, b"b.proto")) +
                         field(1, field(1, b"b.proto") + field(3, b"a.proto")))
        self.assertIn(f"{ring} cannot be used: b.proto: a.proto: ", self.refused(*recv, ring))
        good = self.types / "demo.pb"
        self.assertIn("no type 'demo.Readng'", error := self.refused(*recv, good, "--type", "demo.Readng"))
        self.assertIn("did you mean 'demo.Reading'?", error)
        self.assertIn("--format hex", self.refused(*recv, good, "--format", "hex"))
        self.assertIn("--descriptor-set FILE must say",
                      self.refused("recv", self.endpoint, "--type", "demo.Reading"))
        self.assertIn("--descriptor-set FILE must say",
                      self.refused("peek", self.endpoint, "--type", "demo.Reading"))
        self.assertIn("--type must say", self.refused("send", self.endpoint, "--descriptor-set", good))
        self.assertIn("no type 'Reading'", self.refused(
            "send", self.endpoint, "--descriptor-set", good, "--type", "Reading"))
        self.assertEqual(self.backlog(), 0)

    def test_imports_that_come_with_protobuf_may_be_left_out(self):
        self.put(field(4, b"\x08\x01"), type="demo.Reading")
        self.descriptors = ("--descriptor-set", self.types / "bare.pb")
        self.assertEqual(self.lines(self.recv(1)), ['{"at":"1970-01-01T00:00:01Z"}'])
        # This one imports others, which import others again.
        (self.types / "service.proto").write_text(
            'syntax = "proto3"; package demo; import "google/protobuf/api.proto";'
            'message Service { google.protobuf.Api api = 1; }')
        self.describe("service.pb", "service.proto")
        self.put(field(1, field(1, b"name")), type="demo.Service")
        self.descriptors = ("--descriptor-set", self.types / "service.pb")
        self.assertEqual(self.lines(self.recv(1)), ['{"api":{"name":"name"}}'])
        (self.types / "user.proto").write_text(
            'syntax = "proto3"; import "demo.proto"; message User { demo.Reading r = 1; }')
        self.describe("user.pb", "user.proto")
        self.assertIn("lacks demo.proto, which is imported in it", self.refused(
            "recv", self.endpoint, "--descriptor-set", self.types / "user.pb"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
