"""The suite finds mistakes: each mutant of the memory transport (mutants.toml), and each fault of the
faulty transport around it, fails a case of the rule that it breaks."""
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import tomllib
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
import harness  # noqa: E402
import make_mutants  # noqa: E402

PROGRAM = harness.TEST_PROGRAMS / "conformance_mutants"
MUTANTS = make_mutants.load(HERE / "mutants.toml")
FAULTS = tomllib.loads((HERE / "mutants.toml").read_text())["fault"]
RULES = range(1, 14)
AT_A_TIME = 4
# Long enough for what works on a busy machine to be seen, short enough for what will never come.
# The alarm of a case rings at six times this.
PATIENCE_MS = 2000
FAILED = re.compile(r"^\[  FAILED  \] Each/Conformance\.(\w+)/memory, where", re.M)
STARTED = re.compile(r"^\[ RUN      \] Each/Conformance\.(\w+)/memory$", re.M)


def run(*arguments, **environment):
    """The exit status, and all that was printed."""
    done = subprocess.run([PROGRAM, *arguments], env={**os.environ, **environment},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=harness.TIMEOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


def cases_of(rule):
    """All cases of one rule; Rule1 is the beginning of Rule10 too."""
    others = "".join(f":*.Rule{other}*" for other in RULES if str(other).startswith(str(rule))
                     and other != rule)
    return f"--gtest_filter=*.Rule{rule}*" + (f"-{others[1:]}" if others else "")


def judge(rule, hangs, **environment):
    """What catches it, or None; and what was printed."""
    status, output = run(cases_of(rule), "--gtest_fail_fast", FIFOMQ_PATIENCE_MS=str(PATIENCE_MS),
                         **environment)
    failed = FAILED.search(output)
    if status == 1 and failed:
        return failed.group(1), output
    if status == -signal.SIGALRM and hangs:
        return STARTED.findall(output)[-1] + " (does not return)", output
    return None, f"status {status}\n{output}"


def subjects():
    """Name, rule, whether it may hang, and the environment that brings it about."""
    for mutant in MUTANTS:
        yield mutant["name"], mutant["rule"], "hangs" in mutant, {"FIFOMQ_MUTANT": mutant["name"]}
    for plan, rule in FAULTS.items():
        yield f"fault {plan}", rule, False, {"FIFOMQ_FAULT": plan}


@unittest.skipIf(harness.SANITIZED, "the suite is the same in every build; one without sanitizers "
                                    "tells whether it finds mistakes, and is fast enough")
class Mutants(unittest.TestCase):
    # With the same patience, so that no mutant is caught by impatience.
    def test_without_a_mistake_the_suite_passes(self):
        status, output = run(FIFOMQ_PATIENCE_MS=str(PATIENCE_MS))
        self.assertEqual(status, 0, output)
        self.assertIn("[  PASSED  ]", output)

    def test_what_does_not_exist_is_refused(self):
        for wrong in ({"FIFOMQ_MUTANT": "nobody"}, {"FIFOMQ_FAULT": "drop"}):
            status, output = run(cases_of(3), **wrong)
            self.assertNotEqual(status, 0, output)

    def test_a_text_that_is_not_there_once_is_a_mistake(self):
        mutant = {"name": "some", "original": "b;", "mutated": "c;"}
        self.assertIn('mutant("some")', make_mutants.mutate("a; b;", [mutant]))
        for text, times in (("a;", 0), ("b; b;", 2)):
            with self.assertRaisesRegex(make_mutants.Mistake, f"some: .* there {times} times"):
                make_mutants.mutate(text, [mutant])
        with self.assertRaisesRegex(make_mutants.Mistake, "overlaps"):
            make_mutants.mutate("a; b;", [mutant, {**mutant, "original": "a; b;"}])

    def test_each_rule_has_a_mutant(self):
        self.assertEqual({mutant["rule"] for mutant in MUTANTS}, set(RULES))

    def test_each_mistake_is_found_by_a_case_of_its_rule(self):
        began = time.monotonic()
        everything = list(subjects())
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            verdicts = list(pool.map(lambda each: judge(each[1], each[2], **each[3]), everything))
        print(f"\n{'mistake':44} rule  found by", file=sys.stderr)
        for (name, rule, _, _), (case, output) in zip(everything, verdicts):
            print(f"{name:44} {rule:4}  {case or 'NOTHING'}", file=sys.stderr)
            with self.subTest(name):
                self.assertIsNotNone(case, f"no case of rule {rule} finds it: {output}")
        print(f"{len(everything)} in {time.monotonic() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
