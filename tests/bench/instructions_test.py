"""How many instructions the hot paths take for each message, against instructions.toml: a slower one is
seen whatever the machine does. `instructions_test.py --update` writes the file anew."""
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
import harness  # noqa: E402

PROGRAM = harness.TEST_PROGRAMS / "hot_paths"
FILE = HERE / "instructions.toml"
PATHS = [("checksum", 64), ("checksum", 4096), ("encode", 64), ("encode", 1024), ("encode", 65536),
         ("put_whole", 64), ("put_whole", 1024), ("decode", 64), ("decode", 1024), ("decode", 65536), ("fifo", 64), ("fifo", 4000),
         ("parse_endpoint", 0)]
# Another patch level of the compiler or of a library may move a figure by so much.
TOLERANCE = 0.1


def instructions(path, size, times):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM,
                           path, str(size), str(times)],
                          capture_output=True, text=True, timeout=harness.TIMEOUT, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def measure():
    """For each path, what a message more takes."""
    figures = {}
    for path, size in PATHS:
        few = 40 if size > 10_000 else 2_000
        more = instructions(path, size, 3 * few) - instructions(path, size, few)
        figures[f"{path}_{size}" if size else path] = round(more / (2 * few))
    return figures


def reason_to_skip():
    if harness.SANITIZED or harness.cached("CMAKE_BUILD_TYPE") != "Release":
        return "only what is installed counts: a release build"
    if not shutil.which("valgrind"):
        return "needs valgrind"
    if not PROGRAM.exists():
        return f"{PROGRAM} was not built"
    return None


class Instructions(unittest.TestCase):
    @unittest.skipIf(reason_to_skip(), reason_to_skip())
    def test_no_hot_path_takes_more(self):
        known = tomllib.loads(FILE.read_text())
        measured = measure()
        self.assertEqual(known.keys(), measured.keys(), "run instructions_test.py --update")
        for name, figure in measured.items():
            print(f"{name:16} {figure:8}  (known {known[name]})", file=sys.stderr)
            with self.subTest(name):
                self.assertLessEqual(figure, known[name] * (1 + TOLERANCE))


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        lines = [f"{name} = {figure}" for name, figure in measure().items()]
        FILE.write_text("# Instructions for each message (x86-64, GCC 12, -O3); instructions_test.py "
                        "--update writes this.\n" + "\n".join(lines) + "\n")
    else:
        unittest.main(verbosity=2)
