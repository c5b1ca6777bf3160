"""The pages for man(1) and the completions say what the program says: its commands, options, schemes."""
import re
import shutil
import subprocess
import unittest

import harness

PAGES = harness.SOURCE / "docs/man"
COMPLETION = harness.SOURCE / "docs/completion"


def said(*arguments):
    return subprocess.run([harness.FIFOMQ, *arguments], capture_output=True, text=True, check=True,
                          timeout=harness.TIMEOUT).stdout


def options_in(text):
    """The long options that a help text lists."""
    return set(re.findall(r"^ +(?:-\w,)?--([\w-]+)", text, re.M))


def commands():
    listed = said("--help").partition("Subcommands:")[2]
    return re.findall(r"^  (\w+) ", listed, re.M)


class Manual(unittest.TestCase):
    def sections(self):
        """Of each command, its part of the page; of the program, under ""."""
        text = (PAGES / "fifomq.1").read_text()
        parts = re.split(r"^\.S[sh] (.*)\n", text[text.index(".Sh DESCRIPTION"):], flags=re.M)
        return {name.replace("Options of all commands", ""): part
                for name, part in zip(parts[1::2], parts[2::2])}

    def test_every_option_of_every_command_and_no_other(self):
        sections = self.sections()
        common = {"help"}
        self.assertGreaterEqual(len(commands()), 6)
        for command in ("", *commands()):
            with self.subTest(command=command):
                helped = options_in(said(*filter(None, [command]), "--help"))
                if command:
                    helped -= common
                written = set(re.findall(r"^\.It .*Fl Fl ([\w-]+)", sections[command], re.M))
                self.assertEqual(written, helped)

    def test_every_command_stands_in_the_synopsis(self):
        synopsis = (PAGES / "fifomq.1").read_text().partition(".Sh DESCRIPTION")[0]
        self.assertEqual(sorted(re.findall(r"^\.Cm (\w+)", synopsis, re.M)), sorted(commands()))

    def test_every_scheme_and_option_with_its_default_and_no_other(self):
        listed = {}
        for block in said("transports").strip().split("\n\n"):
            options = re.findall(r"^    (\w+)=(\S+)  .*?(?: \(default: (.*)\))?$", block, re.M)
            listed[block.splitlines()[0]] = options
        page = (PAGES / "fifomq-endpoints.7").read_text().partition(".Sh SEE ALSO")[0]
        parts = re.split(r"^\.Ss (.*)\n", page, flags=re.M)
        written = {}
        for form, part in zip(parts[1::2], parts[2::2]):
            written[form.replace("\\-", "-")] = [
                (key, values, default.removeprefix(".Li ").rstrip(" ."))
                for key, values, default in re.findall(
                    r"^\.It Cm (\w+) Ns = Ns Ar (\S+)\n.*\n(?:Default:\n(.*)\n)?", part, re.M)]
        self.assertEqual(written, listed)

    def test_man_can_show_them(self):
        if not shutil.which("man"):
            self.skipTest("man is not installed")
        for page in sorted(PAGES.iterdir()):
            with self.subTest(page.name):
                shown = subprocess.run(["man", "--warnings", "-l", "-Tutf8", page],
                                       capture_output=True, text=True, timeout=harness.TIMEOUT)
                self.assertEqual((shown.returncode, shown.stderr), (0, ""))


class Completion(unittest.TestCase):
    def completed(self, *words, compopt=":"):
        script = (f'source "{COMPLETION}/fifomq.bash"; compopt() {{ {compopt}; }}\n'
                  'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fifomq\n'
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-euc", script, "bash", "fifomq", *words],
                              capture_output=True, text=True, timeout=harness.TIMEOUT,
                              env={"PATH": f"{harness.BIN}:/usr/bin:/bin"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return set(done.stdout.split())

    def test_commands(self):
        self.assertEqual(self.completed(""), set(commands()))
        self.assertEqual(self.completed("--quiet", "br"), {"bridge"})

    def test_options(self):
        for command in commands():
            with self.subTest(command):
                self.assertEqual(self.completed(command, "--"),
                                 {f"--{name}" for name in options_in(said(command, "--help"))}
                                 | {"--quiet", "--log-format", "--plugin"})
        self.assertEqual(self.completed("recv", "x", "--format", "j"), {"json"})

    def test_schemes(self):
        self.assertEqual(self.completed("recv", "zmq+pul"), {"zmq+pull:"})
        # Or bash puts a backslash in front of the colon, as in the name of a file.
        said = 'echo "$@"'
        self.assertLessEqual({"+o", "filenames"}, self.completed("recv", "zmq+pul", compopt=said))
        self.assertNotIn("+o", self.completed("recv", "/tm", compopt=said))

    def test_zsh_can_read_its_own(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        subprocess.run(["zsh", "-n", COMPLETION / "_fifomq"], check=True, timeout=harness.TIMEOUT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
