"""The installed systemd units: right, sandboxed, and such that the pipe is never given up."""
import configparser
import re
import shutil
import signal
import subprocess
import unittest

import harness

MOST_EXPOSURE = 2.0


class UnitFile(configparser.RawConfigParser):
    """Of a key that stands there more than once, the last one."""

    def __init__(self, path):
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",),
                         interpolation=None)
        self.optionxform = str
        self.read(path)


@unittest.skipIf(harness.SANITIZED, "what is installed is the same in every build")
class Units(harness.IntegrationCase):
    @classmethod
    def setUpClass(cls):
        prefix = harness.installed_for(cls)
        cls.man = prefix / "share/man"
        cls.units = prefix / "lib/systemd/system"
        cls.service = cls.units / "fifomq-bridge@.service"
        cls.socket = cls.units / "fifomq-bridge@.socket"
        cls.user = prefix / "lib/sysusers.d/fifomq.conf"
        # They name the place that was chosen when the build was configured.
        text = cls.service.read_text()
        cls.service.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={prefix}/bin/fifomq", text,
                                      flags=re.M))

    def analyze(self, *arguments):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True,
                              text=True, timeout=harness.TIMEOUT)

    def test_systemd_finds_no_fault(self):
        # Whether the pages are there is looked at without systemd.
        done = self.analyze("verify", "--man=no", self.service, self.socket)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_pages_that_are_named_are_there(self):
        for unit in (self.service, self.socket):
            for name, section in re.findall(r"man:([\w-]+)\((\d)\)", unit.read_text()):
                self.assertTrue((self.man / f"man{section}/{name}.{section}").exists(), name)

    def test_the_service_is_hardly_exposed(self):
        said = self.analyze("security", "--offline=true", "--no-pager", self.service).stdout
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        self.assertIsNotNone(found, said)
        print(f"exposure {found[1]}")
        self.assertLessEqual(float(found[1]), MOST_EXPOSURE, said)

    def allowed_calls(self):
        """What the lines of SystemCallFilter= together let through."""
        listed = self.analyze("syscall-filter").stdout
        groups = {name: body.split() for name, body in re.findall(
            r"^(@[\w-]+)\n((?: +.*\n)+)", re.sub(r"^ +#.*\n", "", listed, flags=re.M), re.M)}

        def calls(name):
            return set().union(*map(calls, groups[name])) if name in groups else {name}

        allowed = set()
        for line in re.findall(r"^SystemCallFilter=(.*)", self.service.read_text(), re.M):
            named = set().union(*map(calls, line.removeprefix("~").split()))
            allowed = allowed - named if line.startswith("~") else allowed | named
        return allowed

    def test_what_the_bridge_calls_is_let_through(self):
        allowed = self.allowed_calls()
        self.assertIn("vmsplice", allowed)
        self.assertNotIn("mount", allowed)
        lines = self.folder / "lines"
        lines.write_bytes(b"".join(b"%d" % number * 100 + b"\n" for number in range(20_000)))
        for to, back in ((f"zmq+push:@{self.ipc()}", f"zmq+pull:{self.ipc()}"),
                         (f"fifo:{self.folder}/out", f"fifo:{self.folder}/out")):
            log = self.folder / "calls"
            bridge = self.start("strace", "-f", "-qq", "-o", log, harness.FIFOMQ, "bridge",
                                f"fifo:{self.fifo}", to, "--count", "20000")
            bridge.wait_for("at-(most|least)-once")
            receiver = self.fifomq("recv", back, "--count", "20000")
            self.run_fifomq("send", f"fifo:{self.fifo}", lines)
            self.assert_ends(receiver, 0)
            self.assert_ends(bridge, 0)
            called = set(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.M))
            self.assertGreater(len(called), 20)
            self.assertEqual(called - allowed, set(), to)

    def test_nothing_makes_the_manager_give_up(self):
        service, socket = UnitFile(self.service), UnitFile(self.socket)
        for unit in (service, socket):
            self.assertEqual(unit["Unit"]["StartLimitIntervalSec"], "0")
        self.assertEqual(socket["Socket"]["TriggerLimitIntervalSec"], "0")
        self.assertEqual(service["Service"]["Restart"], "always")
        # Else it would be started again at once, over and over, for as long as messages wait.
        self.assertGreaterEqual(int(service["Service"]["RestartSec"]), 1)
        self.assertNotIn("RestartPreventExitStatus", service["Service"])

    def test_both_can_be_stopped_and_started_again(self):
        service, socket = UnitFile(self.service), UnitFile(self.socket)
        # A pipe of this user's that is there already is not taken.
        self.assertEqual(socket["Socket"]["RemoveOnStop"], "yes")
        bridge = self.fifomq("bridge", f"fifo:{self.fifo}", "-")
        bridge.wait_for("at-most-once")
        bridge.signal(signal.SIGTERM)
        status = bridge.wait()
        self.assertIn(str(status), service["Service"]["SuccessExitStatus"].split())

    def test_the_pipe_is_its_own_users(self):
        service, socket = UnitFile(self.service), UnitFile(self.socket)
        self.assertEqual(socket["Socket"]["ListenFIFO"], "/run/fifomq/%i")
        self.assertEqual(socket["Socket"]["SocketMode"], "0620")
        self.assertEqual({service["Service"]["User"], service["Service"]["Group"],
                          socket["Socket"]["SocketUser"], socket["Socket"]["SocketGroup"]},
                         {"fifomq"})
        self.assertRegex(self.user.read_text(), r"(?m)^u fifomq ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
