"""What the libraries show to others, and what they have for a whole process."""
import re
import subprocess
import unittest

import harness

KEPT = harness.HERE / "exported_names.txt"
# Signals, output and a process's end are the program's business. Of its own libfifomq-nats only puts SIGPIPE back as
# it was, which libnats takes at its start.
NOT_OURS = {"sigaction", "signal", "syslog", "vsyslog", "stderr", "perror", "exit", "abort", "std::cerr",
            "std::clog", "setlocale", "chdir", "umask", "setenv", "putenv"}
ALLOWED = {"libfifomq-nats": {"sigaction"}}
# Variables that are one for a process, or for each library with a copy of the code. None is a setting.
STATE = {
    "kCategory": "the error category, by whose address errors are told apart",
    "generation": "how often this process has forked",
    "mutex": "what a fork waits for",
    "copies": "threads' handles that a forked child must not end",
    "kernel_has_flag": "whether this kernel knows a flag", "can_splice": "the same",
    "kNull": "a descriptor of /dev/null",
    "kHasCrcInstruction": "whether this processor has an instruction",
    "library_generation": "libnats is open, since which fork", "library_is_open": "the same", "once": "the same",
}


def nm(*arguments):
    lines = subprocess.run(["nm", "-C", *map(str, arguments)], capture_output=True, text=True, check=True,
                           timeout=harness.TIMEOUT).stdout.splitlines()
    # "ADDRESS KIND NAME", and without an address where it is undefined.
    return [found.groups() for line in lines if (found := re.match(r"[0-9a-f ]*\b(\w) (.*)$", line))]


def kept_names():
    """Of each library, the names it may show."""
    parts = re.split(r"^\[(.*)\]\n", KEPT.read_text(), flags=re.M)
    return {name: set(part.split("\n")) - {""} for name, part in zip(parts[1::2], parts[2::2])}


@unittest.skipIf(harness.SANITIZED, "the sanitizers add names and state of their own")
class Exports(unittest.TestCase):
    def shown_by(self, file):
        return {name for _, name in nm("-D", "--defined-only", file)}

    def libraries(self):
        for name, wanted in kept_names().items():
            file = harness.BUILD / f"{name}.so"
            if not file.exists():
                print(f"{name} is not in this build: what it needs is not on this system")
                continue
            yield name, file, wanted

    def test_each_library_shows_the_names_on_the_list(self):
        for name, file, wanted in self.libraries():
            with self.subTest(name):
                self.assertEqual(self.shown_by(file), wanted)

    def test_every_library_is_on_the_list(self):
        built = {path.name.removesuffix(".so") for path in harness.BUILD.glob("lib*.so")}
        self.assertLessEqual(built, set(kept_names()))

    def test_the_program_has_them_all_for_its_plugins(self):
        shown = {name for name in self.shown_by(harness.FIFOMQ) if "fifomq::" in name}
        wanted = set().union(*(names for _, _, names in self.libraries()))
        self.assertEqual(shown, wanted)

    def test_they_leave_to_the_program_what_is_its_own(self):
        for name, file, _ in self.libraries():
            with self.subTest(name):
                used = {used.partition("@")[0] for _, used in nm("-D", "--undefined-only", file)}
                self.assertEqual(used & NOT_OURS, ALLOWED.get(name, set()))

    def test_they_have_no_state_but_what_is_a_fact_of_the_process(self):
        for name, file, _ in self.libraries():
            symbols = subprocess.run(["objdump", "-t", "-C", file], capture_output=True, text=True, check=True,
                                     timeout=harness.TIMEOUT).stdout
            variables = re.findall(r" O \.t?(?:bss|data)\s+\w+\s+(?:\.hidden )?(fifomq::.*)$", symbols, re.M)
            with self.subTest(name):
                self.assertLessEqual({each.rpartition("::")[2] for each in variables}, set(STATE))
                if name == "libfifomq-core":  # the test sees what is there
                    self.assertIn("fifomq::error_category()::kCategory", variables)


if __name__ == "__main__":
    unittest.main(verbosity=2)
