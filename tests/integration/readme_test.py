"""Every command and every program in README.md does what it says."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["FIFOMQ_SOURCE"])
BIN = pathlib.Path(os.environ["FIFOMQ_BIN"])
README = (SOURCE / "README.md").read_text()
SECONDS = 120


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fifomq-readme-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_checked(self, command, **more):
        result = subprocess.run(command, cwd=self.folder, text=True, capture_output=True,
                                timeout=SECONDS, **more)
        self.assertEqual(result.returncode, 0, f"{command}\n{result.stdout}\n{result.stderr}")
        return result.stdout

    def run_shell(self, script):
        path = f"{BIN}:{os.environ['PATH']}"
        return self.run_checked(["bash", "-euo", "pipefail", "-c", script],
                                env={**os.environ, "PATH": path})

    def test_shell_blocks(self):
        scripts = blocks("sh")
        self.assertEqual(len(scripts), 3)
        through_pipe, bridge, lines = (self.run_shell(script) for script in scripts)
        self.assertEqual(through_pipe, "one\ntwo\n")
        self.assertEqual(re.findall(r'"payload":"(\w+)"', bridge), ["three", "four"])
        self.assertEqual(lines, "from a shell\n")

    def test_library_program(self):
        (program,) = blocks("cpp")
        self.assertLessEqual(len(program.splitlines()), 17)
        (self.folder / "hello.cpp").write_text(program)
        prefix = self.folder / "prefix"
        build = os.environ["FIFOMQ_BUILD"]
        self.run_checked(["cmake", "--install", build, "--prefix", str(prefix)])
        (pc,) = prefix.rglob("fifomq.pc")
        # The build's own flags, so that a sanitizer build can be linked too.
        cache = (pathlib.Path(build) / "CMakeCache.txt").read_text()
        flags = re.search(r"^CMAKE_CXX_FLAGS:\w+=(.*)$", cache, re.M).group(1).split()
        found = self.run_checked(["pkg-config", "--define-variable", f"prefix={prefix}",
                                  "--cflags", "--libs", "fifomq"],
                                 env={**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}).split()
        self.run_checked(["g++", "-std=c++20", *flags, "hello.cpp", "-o", "hello", *found])
        (library,) = prefix.rglob("libfifomq.so")
        environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
        for endpoint in ("memory:jobs", "fifo:./jobs"):
            self.assertEqual(self.run_checked(["./hello", endpoint], env=environment), "greeting: hello\n")

    def test_python_writer(self):
        (program,) = blocks("python")
        self.run_checked(["protoc", "--python_out=.", f"-I{SOURCE}/proto", "fifomq/v1/frame.proto"])
        (self.folder / "writer.py").write_text(program)
        os.mkfifo(self.folder / "readings", 0o600)
        with subprocess.Popen([BIN / "fifomq", "recv", "fifo:./readings", "--count", "3"],
                              cwd=self.folder, text=True, stdout=subprocess.PIPE) as reader:
            self.run_checked(["/usr/bin/python3", "writer.py"])
            self.assertEqual(reader.communicate(timeout=SECONDS)[0],
                             "reading 1\nreading 2\nreading 3\n")

    def test_every_transport_stands_there(self):
        pages = README, (SOURCE / "transport/README.md").read_text()
        for plugin in sorted((SOURCE / "transport/plugins").iterdir()):
            for page in pages:
                self.assertIn(f"plugins/{plugin.name}/README.md)", page)
        table = re.search(r"^\| endpoint \|.*\n(?:\|.*\n)+", README, re.M)[0]
        for scheme in self.transports():
            self.assertIn(f"`{scheme}", table)

    def transports(self):
        """What each scheme can do, sending and receiving."""
        listed = self.run_checked([BIN / "fifomq", "transports"]).strip().split("\n\n")
        return {re.match(r"[\w+]+:|-", block)[0]: dict(re.findall(r"^    (sends|receives): (.*)$", block, re.M))
                for block in listed}

    def test_what_is_said_of_the_guarantee_is_what_the_transports_say(self):
        known = self.transports()  # but for those that were left out of this build
        able = {name: [scheme for scheme, ends in known.items() if name in ends.get(end, "").split()]
                for name, end in (("explicit_commit", "receives"), ("acknowledges", "sends"))}
        schemes = r"((?:`[\w+]+:`(?:, | and )?)+)"
        for page, name, pattern in (
                ("README.md", "explicit_commit", schemes + r" can be received from with `explicit_commit`"),
                ("README.md", "acknowledges", schemes + r" tell their sender what has been taken over"),
                ("bridge/README.md", "explicit_commit", r"\(`explicit_commit`: " + schemes + r"\)"),
                ("bridge/README.md", "acknowledges", r"\(`acknowledges`:\s" + schemes + r"\)")):
            with self.subTest(page=page, name=name):
                said = re.findall(r"`([\w+]+:)`", re.search(pattern, (SOURCE / page).read_text())[1])
                self.assertEqual(sorted(set(said) & known.keys()), sorted(able[name]))

    def test_the_two_commands_and_every_link_are_there(self):
        for script in ("examples/demo.sh", "tests/run.sh", "tools/install_dependencies.sh"):
            self.assertTrue(os.access(SOURCE / script, os.X_OK), script)
            self.assertIn(script, README)
        for page in SOURCE.rglob("*.md"):
            if "build" in page.relative_to(SOURCE).parts:
                continue
            for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
                self.assertTrue((page.parent / link).exists(), f"{page}: {link}")


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
