"""Mistakes in the command line, in endpoints and in settings files: status 2, and help."""
import os
import re
import signal
import unittest

import harness

PUSH = "zmq+push:@ipc://./out"


class Settings(harness.IntegrationCase):
    def refused(self, *arguments):
        program = self.fifomq(*arguments)
        self.assert_ends(program, 2, harness.TIMEOUT / 4)
        self.assertEqual(program.out, b"")
        self.assertTrue(program.err.startswith("fifomq: "), program.err)
        self.assertEqual(program.err.count("\n"), 1, program.err)
        return program.err.removeprefix("fifomq: ").rstrip("\n")

    def refused_by_bridge_and_plan(self, *arguments):
        said = self.refused("bridge", *arguments)
        self.assertEqual(self.refused("bridge", *arguments, "--dry-run"), said)
        return said

    def settings(self, *lines):
        file = self.folder / "bridge.toml"
        file.write_text("\n".join(lines) + "\n")
        return file

    def test_usage(self):
        for arguments, said in (
                ((), "subcommand"),
                (("brigde", "fifo:./a", "-"), "brigde"),
                (("bridge", "fifo:./a", "-", "--cuont", "3"), "--cuont"),
                (("bridge", "fifo:./a", "-", "--count", "three"), "three"),
                (("bridge", "fifo:./a", "-", "--count", "-1"), "-1"),
                (("bridge", "fifo:./a"), "FROM and TO"),
                (("bridge", "fifo:./a", "-", "third"), "third"),
                (("recv",), "FROM"),
                (("send",), "TO"),
                (("bridge", "fifo:./a", "-", "--idle-exit", "5"), "'5' is not"),
                (("bridge", "fifo:./a", "-", "--require", "at-lest-once"), "at-least-once")):
            with self.subTest(arguments):
                self.assertIn(said, self.refused(*arguments))
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_guarantee_that_the_pair_cannot_give(self):
        said = self.refused_by_bridge_and_plan("fifo:./a", "-", "--require", "at-least-once")
        self.assertRegex(said, "^--require at-least-once: this pair gives at-most-once, because ")

    def test_the_guarantee_of_each_pair(self):
        for endpoints, guarantee, why in (
                (("fifo:./a", "-"), "at-most-once", "TO does not learn what the far end has taken over$"),
                (("fifo:./a", "spool:./b"), "at-least-once", "a power failure may lose what waits in FROM$"),
                (("spool:./a", "spool:./b"), "at-least-once across power loss", "and after a power failure$"),
                (("spool:./a", "zmq+reliable:ipc://./b"), "at-least-once across power loss", "power failure$"),
                (("spool:./a", "spool:./b?sync=never"), "at-least-once", "may lose what TO has settled$"),
                (("spool:./a?sync=interval=1s", "spool:./b"), "at-least-once", "may lose what waits in FROM$"),
                (("fifo:./a", "spool:./b?sync=never"), "at-least-once", "waits in FROM or TO has settled$")):
            with self.subTest(endpoints):
                plan = self.run_fifomq("bridge", *endpoints, "--dry-run").out.decode()
                self.assertRegex(plan, re.compile(rf"^guarantee {guarantee}: .*{why}", re.M))
                ranks = ["at-most-once", "at-least-once", "at-least-once across power loss"]
                for wanted in ranks:
                    required = ("bridge", *endpoints, "--dry-run", "--require", wanted)
                    if ranks.index(wanted) <= ranks.index(guarantee):
                        self.run_fifomq(*required)
                    else:
                        self.assertIn(f"--require {wanted}: this pair gives {guarantee}, because ",
                                      self.refused(*required))

    def test_what_would_raise_the_guarantee(self):
        for endpoints, raised_by in (
                (("fifo:./a", "-"), r"fifo:, .*spool:.* or zmq\+reliable: as TO would give at-least-once"),
                (("fifo:./a", "spool:./b"), "spool: as FROM would give at-least-once across power loss"),
                (("spool:./a", "spool:./b"), None)):
            with self.subTest(endpoints):
                plan = self.run_fifomq("bridge", *endpoints, "--dry-run").out.decode()
                self.assertEqual(re.findall("^more +(.*)$", plan, re.M) != [], raised_by is not None, plan)
                if raised_by:
                    self.assertRegex(plan, f"(?m)^more +{raised_by}$")
        said = self.refused("bridge", "fifo:./a", "-", "--dry-run", "--require", "at-least-once")
        self.assertIn("zmq+reliable: as TO would give at-least-once", said)

    def test_the_guarantee_of_what_is_open_is_the_one_that_was_planned(self):
        for query, guarantee in (("", "at-least-once across power loss"), ("?sync=never", "at-least-once")):
            bridge = self.bridge("spool:./a", f"spool:./b{query}")
            bridge.wait_for(re.escape(f"-> spool:./b{query}: {guarantee} ("))
            bridge.signal(signal.SIGTERM)
            self.assert_ends(bridge, 143)

    def test_help_and_version_are_no_mistakes(self):
        self.assertIn("bridge", self.run_fifomq("--help").out.decode())
        self.assertRegex(self.run_fifomq("--version").out.decode(), r"^fifomq \d+\.\d+\.\d+\n$")

    def test_a_typo_in_an_option_names_the_nearest(self):
        endpoint = "fifo:./in?framng=line"
        self.assertEqual(self.refused_by_bridge_and_plan(endpoint, PUSH),
                         f"{endpoint}: unknown option 'framng'; did you mean 'framing'? "
                         "[unknown_option]")
        endpoint = PUSH + "?hmw=0"
        self.assertEqual(self.refused_by_bridge_and_plan("fifo:./in", endpoint),
                         f"{endpoint}: unknown option 'hmw'; did you mean 'hwm'? [unknown_option]")

    def test_a_typo_in_a_value_names_what_is_right(self):
        self.assertRegex(self.refused_by_bridge_and_plan("fifo:./in?framing=lines", PUSH),
                         r"option 'framing' cannot be 'lines'; it takes .*line.*\[invalid_option\]")
        self.assertRegex(self.refused_by_bridge_and_plan("fifo:./in?max_message=10", PUSH),
                         r"cannot be '10'; it takes a size with its unit.*\[invalid_option\]")

    def test_a_typo_in_a_scheme_names_the_nearest(self):
        self.assertEqual(self.refused_by_bridge_and_plan("fito:./in", PUSH),
                         "fito:./in: unknown scheme 'fito'; did you mean 'fifo'? "
                         "[invalid_endpoint]")
        self.assertIn("did you mean 'zmq+push'?",
                      self.refused_by_bridge_and_plan("fifo:./in", "zmq+psh:@ipc://./out"))

    def test_the_wrong_direction(self):
        self.assertRegex(self.refused_by_bridge_and_plan("zmq+push:@ipc://./out", "-"),
                         r"sends and does not receive \[wrong_direction\]")
        self.assertRegex(self.refused_by_bridge_and_plan("fifo:./in", "zmq+pull:@ipc://./out"),
                         r"receives and does not send \[wrong_direction\]")

    def test_mistakes_in_a_file_are_said_with_file_and_line(self):
        good_from, good_to = 'from = "fifo:./in"', f'to = "{PUSH}"'
        for line, lines, said in (
                (3, (good_from, good_to, 'idel_exit = "1s"'),
                 "unknown key 'idel_exit'; did you mean 'idle_exit'?"),
                (2, (good_from, f'to = "{PUSH}?hmw=0"'),
                 f"{PUSH}?hmw=0: unknown option 'hmw'; did you mean 'hwm'? [unknown_option]"),
                (4, (good_to, "", "# where from", 'from = "fito:./in"'),
                 "fito:./in: unknown scheme 'fito'; did you mean 'fifo'? [invalid_endpoint]"),
                (3, (good_from, good_to, 'idle_exit = "5"'), "'5' is not"),
                (3, (good_from, good_to, "count = -1"), "whole number"),
                (1, ("from = 7", good_to), "text in quotes"),
                (2, (good_from, 'to = "unclosed'), ""),
                (3, (good_from, good_to, 'require = "at-lest-once"'), "at-least-once")):
            with self.subTest(lines):
                file = self.settings(*lines)
                complaint = self.refused_by_bridge_and_plan("--config", file)
                self.assertTrue(complaint.startswith(f"{file}:{line}: {said}")
                                or said in complaint, complaint)
                self.assertTrue(complaint.startswith(f"{file}:{line}: "), complaint)
        self.assertEqual(os.listdir(self.folder), ["bridge.toml"])

    def test_a_file_that_is_not_there(self):
        self.assertIn(str(self.folder / "no.toml"),
                      self.refused_by_bridge_and_plan("--config", self.folder / "no.toml"))

    def test_a_file_does_what_the_command_line_does_and_the_command_line_wins(self):
        file = self.settings('from = "fifo:./wrong"', 'to = "-"', "count = 2",
                             'drain_timeout = "1s"')
        self.make_fifo()
        self.hold()
        self.send_lines("fifo:./fifo", b"one", b"two", b"three")
        bridge = self.run_fifomq("bridge", "fifo:./fifo", "--config", file)
        self.assertEqual(bridge.out, b"one\ntwo\n")
        bridge = self.run_fifomq("bridge", "fifo:./fifo", "--config", file, "--count", "1")
        self.assertEqual(bridge.out, b"three\n")

    def test_quiet_leaves_only_what_is_amiss(self):
        self.make_fifo()
        self.hold()
        self.send_lines("fifo:./fifo", b"one")
        bridge = self.run_fifomq("--quiet", "bridge", "fifo:./fifo", "-", "--count", "1")
        self.assertEqual((bridge.out, bridge.err), (b"one\n", ""))

    def running(self, *lines):
        """A bridge with a settings file, and what it has to say to a new one."""
        head = (f'from = "fifo:{self.fifo}"', 'to = "-"')
        file = self.settings(*head, *lines)
        bridge = self.bridge("--config", file)

        def reload(*new, head=head):
            self.settings(*head, *new)
            bridge.signal_and_see_it_taken(signal.SIGHUP)

        return bridge, reload, file

    def test_a_hangup_reloads_what_can_change(self):
        bridge, reload, file = self.running('drain_timeout = "1s"')
        reload('idle_exit = "10ms"', 'require = "at-most-once"')
        self.assert_ends(bridge, 0)
        self.assertIn(f"info: {file}: reloaded\n", bridge.err)

    def test_a_reload_that_cannot_be_leaves_all_as_it_was(self):
        bridge, reload, file = self.running()
        other = (f'from = "fifo:{self.fifo}"', f'to = "{PUSH}"')
        for number, (line, new, head, said) in enumerate((
                (4, ('idle_exit = "1ms"', "drain_timout = 7"), None,
                 "unknown key 'drain_timout'; did you mean 'drain_timeout'?"),
                (4, ('idle_exit = "1ms"', 'drain_timeout = "7"'), None, "'7' is not a duration"),
                (4, ('idle_exit = "1ms"', "from = "), None, ""),
                (4, ('idle_exit = "1ms"', "count = 3"), None,
                 "'count' cannot change while the bridge runs"),
                (4, ('idle_exit = "1ms"', 'metrics = "127.0.0.1:0"'), None,
                 "'metrics' cannot change while the bridge runs"),
                (4, ('idle_exit = "1ms"', 'dead_letter = "letters"'), None,
                 "'dead_letter' cannot change while the bridge runs"),
                (4, ('idle_exit = "1ms"', 'log_format = "json"'), None,
                 "'log_format' cannot change while the bridge runs"),
                (2, ('idle_exit = "1ms"',), other, "'to' cannot change while the bridge runs"),
                (3, ('require = "at-least-once"', 'idle_exit = "1ms"'), None,
                 "--require at-least-once: this pair gives at-most-once"))):
            with self.subTest(new):
                reload(*new, **({"head": head} if head else {}))
                place = re.escape(f"warning: {file}:{line}: {said}")
                bridge.wait_for(place + ".*; not reloaded, all stays as it was\n")
                self.send_lines(f"fifo:{self.fifo}", b"message %d" % number)
                bridge.wait_for(f"message {number}\n", "stdout")
        self.assertEqual(bridge.err.count("reloaded"), number + 1)
        os.unlink(file)
        bridge.signal(signal.SIGHUP)
        bridge.wait_for(re.escape(f"warning: {file}: ") + ".*not reloaded")
        self.assertTrue(bridge.is_running())

    def test_the_command_line_has_the_last_word_in_a_reload_too(self):
        file = self.settings(f'from = "fifo:{self.fifo}"', 'to = "-"')
        bridge = self.bridge("--config", file, "--idle-exit", "1h")
        self.settings(f'from = "fifo:{self.fifo}"', 'to = "-"', 'idle_exit = "1ms"')
        bridge.signal(signal.SIGHUP)
        bridge.wait_for("reloaded")
        self.send_lines(f"fifo:{self.fifo}", b"still there")
        bridge.wait_for("still there\n", "stdout")

    def test_without_a_file_a_hangup_is_what_it_always_was(self):
        bridge = self.bridge(f"fifo:{self.fifo}", "-")
        bridge.signal(signal.SIGHUP)
        self.assert_ends(bridge, -signal.SIGHUP)


if __name__ == "__main__":
    unittest.main(verbosity=2)
