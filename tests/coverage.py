"""Which lines of the core, of what stands behind the public headers and of the fifo transport the tests run: counted by gcov, merged over all objects of a build.

    coverage.py BUILD

Prints for each file how many of its lines ran, and each line that did not. Fails when that is less
than LEAST_PERCENT of a folder, when a line that did not run is not explained in uncovered.toml, and when
something explained there runs after all. What a killed process ran is not counted.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor

TESTS = pathlib.Path(__file__).resolve().parent
TRANSPORT = TESTS.parent / "transport"
COUNTED = [TRANSPORT / "api", TRANSPORT / "core", TRANSPORT / "plugins/fifo"]
EXPLAINED = TESTS / "uncovered.toml"
LEAST_PERCENT = 95


def counts_of(notes):
    """(file, line, function, count) of every line of ours in one object."""
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run(["gcov", "--json-format", "--stdout", "--demangled-names", notes],
                             cwd=folder, check=True, capture_output=True).stdout
    for file in json.loads(out)["files"]:
        path = pathlib.Path(file["file"])
        if path.parent not in COUNTED or path.stem.endswith("_test") or path.stem == "conformance":
            continue
        names = {each["name"]: each["demangled_name"] for each in file["functions"]}
        for line in file["lines"]:
            function = names.get(line.get("function_name", ""), "")
            yield path, line["line_number"], function, line["count"]


def merged(build):
    """By file and line: how often it ran, and in which functions it stands."""
    lines = collections.defaultdict(dict)
    # An object that never ran has notes and no counts, and stands with zero.
    notes = sorted(build.rglob("*.gcno"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(lambda path: list(counts_of(path)), notes):
            for file, number, function, count in counts:
                before, functions = lines[file].get(number, (0, frozenset()))
                lines[file][number] = (before + count, functions | {function})
    return lines


def reason_for(explanations, file, text, functions):
    for index, each in enumerate(explanations):
        if (each["file"] == file and text in each["lines"]
                and any(each["function"] in function for function in functions)):
            return index
    return None


def main(build):
    explanations = tomllib.loads(EXPLAINED.read_text()).get("uncovered", [])
    used, mistakes = set(), []
    totals = {folder: [0, 0] for folder in COUNTED}
    for path, lines in sorted(merged(build).items()):
        source = path.read_text().splitlines()
        missed = {number: functions for number, (count, functions) in lines.items() if count == 0}
        ran = len(lines) - len(missed)
        totals[path.parent][0] += ran
        totals[path.parent][1] += len(lines)
        print(f"{100 * ran / len(lines):6.1f} %  {ran:4} of {len(lines):4}  {path.name}")
        for number, functions in sorted(missed.items()):
            text = source[number - 1].strip()
            index = reason_for(explanations, path.name, text, functions)
            print(f"{'':11}{number}: {text}")
            if index is None:
                mistakes.append(f"{path.name}:{number} did not run, and {EXPLAINED.name} does not say why:"
                                f" {text}  [in {' | '.join(sorted(functions))}]")
            else:
                used.add((index, text))
    for index, each in enumerate(explanations):
        mistakes += [f"{EXPLAINED.name} explains a line that runs or is not there: {each['file']}: "
                     f"{each['function']}: {text}"
                     for text in each["lines"] if (index, text) not in used]
    for folder, (ran, total) in totals.items():
        if total == 0:
            sys.exit(f"{build} holds no counts of {folder}")
        percent = 100 * ran / total
        print(f"{percent:6.1f} %  {ran:4} of {total:4}  {folder.relative_to(TRANSPORT)}")
        if percent < LEAST_PERCENT:
            mistakes.append(f"{percent:.1f} % of {folder.relative_to(TRANSPORT)} ran; "
                            f"at least {LEAST_PERCENT} % must")
    sys.exit("\n".join(mistakes) or None)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
