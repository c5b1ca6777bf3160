"""How `recv` prints messages, and that `send` and `recv` together carry a file unchanged."""
import base64
import json
import os
import unittest

import harness

EVERY_BYTE = bytes(range(256))
CONTROLS = bytes(range(0x20)) + b"\x7f"
TEXT = "grüße, 世界 \U0001F980 \"quoted\" back\\slash"


class RecvFormat(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        self.holder = self.hold(self.make_fifo(), capacity=harness.MIB)

    def put(self, payload, **fields):
        os.write(self.holder, harness.checked_frame(payload, **fields))

    def recv(self, form, count=1):
        return self.run_fifomq("recv", f"fifo:{self.fifo}", "--count", count, "--format", form).out

    def recv_json(self, count=1):
        lines = self.recv("json", count).decode("utf-8").split("\n")
        self.assertEqual(lines.pop(), "")
        self.assertEqual(len(lines), count, "one object a line")
        return [json.loads(line) for line in lines]

    def test_json_names_topic_payload_writer_and_sequence(self):
        self.put(b"21.5", topic="room/1", type="demo.Reading", writer=2**64 - 1, sequence=7,
                 sent_unix_nanos=1_700_000_000_000_000_001, hops=2)
        self.assertEqual(self.recv_json(), [{
            "topic": "room/1", "type": "demo.Reading", "payload": "21.5", "encoding": "text",
            "writer": 2**64 - 1, "sequence": 7, "sent_unix_nanos": 1_700_000_000_000_000_001,
            "hops": 2}])

    def test_json_of_a_message_that_says_nothing_of_itself(self):
        self.put(b"")
        (message,) = self.recv_json()
        self.assertEqual((message["topic"], message["payload"], message["encoding"]),
                         ("", "", "text"))
        self.assertEqual((message["writer"], message["sequence"]), (None, None))

    def test_json_payload_is_text_where_it_is_utf8_else_base64(self):
        binary = [EVERY_BYTE, b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"ab\xfe",
                  b"\xf5\x80\x80\x80"]
        text = [TEXT, CONTROLS.decode(), "\u2028\u2029\x85", "\0"]
        for payload in binary + [word.encode() for word in text]:
            self.put(payload)
        messages = self.recv_json(len(binary) + len(text))
        self.assertEqual([message["encoding"] for message in messages],
                         ["base64"] * len(binary) + ["text"] * len(text))
        self.assertEqual([base64.b64decode(message["payload"], validate=True)
                          for message in messages[:len(binary)]], binary)
        self.assertEqual([message["payload"] for message in messages[len(binary):]], text)

    def test_json_topic_cannot_break_the_line(self):
        self.put(b"x", topic="a\nb\"c\\")
        self.assertEqual(self.recv_json()[0]["topic"], "a\nb\"c\\")

    def test_text_is_one_line_a_message(self):
        for payload in (b"plain", b"", b"two\nlines\r\n", CONTROLS, TEXT.encode(), EVERY_BYTE):
            self.put(payload)
        out = self.recv("text", 6)
        self.assertEqual(out.count(b"\n"), 6)
        lines = out.split(b"\n")
        self.assertEqual(lines[:3], [b"plain", b"", b"two\\nlines\\r\\n"])
        self.assertEqual(lines[4], TEXT.encode())
        # A message can neither break its line nor steer the terminal.
        for line in lines:
            self.assertFalse(set(line) & (set(CONTROLS) - {ord("\t")}), line)

    def test_hex(self):
        self.put(EVERY_BYTE)
        self.put(b"")
        self.assertEqual(self.recv("hex", 2), EVERY_BYTE.hex().encode() + b"\n\n")

    def test_raw_is_the_payloads_and_nothing_else(self):
        for payload in (EVERY_BYTE, b"", b"\n\n", os.urandom(20_000)):
            self.put(payload)
            self.assertEqual(self.recv("raw"), payload)

    def test_unknown_format_names_the_known_ones(self):
        program = self.run_fifomq("recv", f"fifo:{self.fifo}", "--format", "jsn", status=2)
        self.assertRegex(program.err, r"'jsn'.*text.*json.*hex.*raw")

    def test_a_file_comes_back_the_same(self):
        lines = [b"line %d " % number + b"x" * (number * 37 % 9000) for number in range(3000)]
        original = self.folder / "original"
        original.write_bytes(b"\n".join(lines) + b"\n")
        recv = self.fifomq("recv", f"fifo:{self.fifo}", "--count", len(lines))
        self.run_fifomq("send", f"fifo:{self.fifo}", original)
        self.assert_ends(recv, 0)
        self.assertTrue(recv.out == original.read_bytes(), "the file has changed on its way")

    def test_several_files_one_after_another(self):
        names = []
        for number in range(3):
            names.append(self.folder / f"file{number}")
            names[-1].write_bytes(b"first of %d\nlast of %d" % (number, number))
        self.run_fifomq("send", f"fifo:{self.fifo}", *names)
        messages = self.recv_json(6)
        self.assertEqual([message["payload"] for message in messages],
                         [f"{word} of {number}" for number in range(3)
                          for word in ("first", "last")])
        self.assertEqual([message["sequence"] for message in messages], list(range(1, 7)))
        self.assertEqual(len({message["writer"] for message in messages}), 1)

    def test_a_file_that_is_not_there_is_said_before_anything_is_sent(self):
        good = self.folder / "good"
        good.write_bytes(b"a line\n")
        program = self.run_fifomq("send", f"fifo:{self.fifo}", good, self.folder / "no", status=2)
        self.assertIn(f"open {self.folder / 'no'}: No such file", program.err)
        self.assertEqual(self.backlog(), 0)

    def test_binary_messages_through_standard_output_and_input(self):
        payloads = [EVERY_BYTE, b"", os.urandom(70_000), b"\n"]
        for payload in payloads:
            self.put(payload)
        stream = self.folder / "stream"
        with stream.open("wb") as out:
            bridge = self.bridge("--count", len(payloads), "--", f"fifo:{self.fifo}",
                                 "-?framing=u32le", stdout=out)
            self.assert_ends(bridge, 0)
        expected = b"".join(len(payload).to_bytes(4, "little") + payload for payload in payloads)
        self.assertEqual(stream.read_bytes(), expected)
        with stream.open("rb") as source:
            bridge = self.bridge("--", "-?framing=u32le", f"fifo:{self.fifo}", stdin=source)
            self.assert_ends(bridge, 0)
        messages = self.recv_json(len(payloads))
        self.assertEqual([message["encoding"] for message in messages],
                         ["base64", "text", "base64", "text"])
        self.assertEqual(base64.b64decode(messages[2]["payload"]), payloads[2])

    def test_standard_output_takes_options_without_ado(self):
        self.put(b"two\nlines")
        bridge = self.run_fifomq("bridge", f"fifo:{self.fifo}", "-?format=text", "--count", "1")
        self.assertEqual(bridge.out, b"two\\nlines\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
