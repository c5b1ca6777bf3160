"""Runs clang-tidy over every C++ file of ours that the build compiles; 0 when it finds nothing.

  tests/tidy.py [--jobs N] [FILE...]

Most of clang-tidy's time goes into the headers of the system, once for each file. So files that are
compiled alike are looked at as one: they are joined under build/tidy/joined, and what is found is told by the place
in the file itself. Files with a name of their own in common do not go together, and are joined with others.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/tidy"
JOINED = BUILD / "joined"
# Joined files are of about this length, so that all processors have work.
MOST_LINES = 2_500
# Where a program begins.
ENTRY = re.compile(r'^(int |extern "C" int )(main|LLVMFuzzerTestOneInput)\b')
# How far the analyzer follows one function; the default takes four times as long as all else.
ANALYZER = ["--extra-arg=-Xclang", "--extra-arg=-analyzer-config", "--extra-arg=-Xclang",
            "--extra-arg=max-nodes=20000"]


def commands():
    """The flags of each of our files; what protoc and CMake wrote stands under build/."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if not file.is_relative_to(ROOT) or file.is_relative_to(ROOT / "build"):
            continue
        words = shlex.split(entry["command"])[1:]
        output = words.index("-o")
        del words[output:output + 2]
        found.setdefault(file, tuple(word for word in words if word not in ("-c", str(file))))
    return found


def is_test(file):
    return file.is_relative_to(ROOT / "tests") or file.stem == "conformance" or file.stem.endswith("_test")


def parts(files, flags_of):
    """What may be joined: files of one program or library, or tests, in parts of a fair length."""
    alike = {}
    for file in files:
        top = ROOT / ("tests" if is_test(file) else file.relative_to(ROOT).parts[0])
        defined = [flag for flag in flags_of[file] if flag.startswith("-DFIFOMQ")]
        alike.setdefault((top, *defined), []).append(file)
    for (top, *_), members in alike.items():
        part, lines = [], 0
        for file in members:
            part.append(file)
            lines += len(file.read_text().splitlines())
            if lines > MOST_LINES:
                yield top, part
                part, lines = [], 0
        if part:
            yield top, part


def flags_for(members, flags_of):
    """All of their flags, and their own folders, in which they look for headers first."""
    flags = dict.fromkeys(f"-I{file.parent}" for file in members)
    for file in members:
        words = list(flags_of[file])
        while words:
            word = words.pop(0)
            flags[(word, words.pop(0)) if word == "-isystem" else word] = None
    return [word for flag in flags for word in ([flag] if isinstance(flag, str) else flag)]


def join(members, joined):
    """Writes them as one file; returns where each line of it comes from."""
    lines, origins, included = [], [], set()
    for file in members:
        own = []
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if line.startswith("#include"):
                own.append(line)
                # Once a file is as it should be; again in the next one is no finding.
                if line in included:
                    line = ""
            # Every program has one, and no other file calls it.
            line = ENTRY.sub(lambda entry: f"{entry[1]}entry_{len(lines)}", line)
            lines.append(line)
            origins.append(f"{file.relative_to(ROOT)}:{number}")
        included.update(own)
    joined.parent.mkdir(parents=True, exist_ok=True)
    joined.write_text("\n".join(lines) + "\n")
    return origins


def tidy(file, flags):
    ran = subprocess.run(["clang-tidy", "--quiet", *ANALYZER, str(file), "--", *flags],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    # The lines left out count what is suppressed, mostly in the headers of the system.
    text = re.sub(r"(?m)^\d+ warnings?( and \d+ errors?)? generated\.\n", "", ran.stdout)
    return ran.returncode == 0, text


def shadows(joined, flags, origins):
    """What is said of names that hide others of the same file, or of a header. Nobody else has looked at each file
    by itself; files that are joined hide each other's names, and that is no finding."""
    ran = subprocess.run(["clang++", "-fsyntax-only", "-fno-caret-diagnostics", *flags, "-Wno-everything", "-Wshadow",
                          "-Wno-error", str(joined)], stderr=subprocess.PIPE, text=True, check=False)

    def file_of(path, line):
        return origins[int(line) - 1].split(":")[0] if path == str(joined) else path

    found = re.finditer(r"^(.+):(\d+):\d+: warning: .*\n(.+):(\d+):\d+: note: .*\n", ran.stderr, re.M)
    return "".join(each[0] for each in found
                   if each[1] != each[3] or file_of(each[1], each[2]) == file_of(each[3], each[4]))


def clashing(members, flags, joined):
    """Who defines what another before has defined, or does not compile."""
    origins = join(members, joined)
    ran = subprocess.run(["clang++", "-fsyntax-only", "-ferror-limit=0", "-w", *flags, str(joined)],
                         stderr=subprocess.PIPE, text=True, check=False)
    errors = re.findall(re.escape(str(joined)) + r":(\d+):\d+: (?:fatal )?error: ", ran.stderr)
    return {ROOT / origins[int(line) - 1].split(":")[0] for line in errors}


def split(members, flags, joined):
    """Those that go together in the order given, and the others."""
    together, others = members, []
    while len(together) > 1 and (apart := clashing(together, flags, joined)):
        others += [file for file in together if file in apart]
        together = [file for file in together if file not in apart]
    # What does not compile alone is told by clang-tidy.
    return (together, others) if together else (others[:1], others[1:])


def joined_file(name, top):
    """In a folder of the same name, so that the same .clang-tidy counts."""
    return JOINED / top.relative_to(ROOT) / f"joined_{name}.cpp"


def groups(files, flags_of, pool):
    """What is looked at as one. What does not go with the rest of its part goes with what others have left."""
    name = 0
    while files:
        split_parts = []
        for top, members in parts(files, flags_of):
            flags = flags_for(members, flags_of)
            split_parts.append((name, top, pool.submit(split, members, flags, joined_file(name, top))))
            name += 1
        files = []
        for number, top, halves in split_parts:
            together, others = halves.result()
            files += others
            yield number, top, together


def look_at(name, top, members, flags_of):
    """Whether all is well, and the findings."""
    joined = joined_file(name, top)
    origins = join(members, joined)
    flags = flags_for(members, flags_of)
    fine, text = tidy(joined, [*flags, "-Wno-shadow"])
    hidden = shadows(joined, flags, origins)
    told = re.sub(re.escape(str(joined)) + r":(\d+)", lambda at: origins[int(at[1]) - 1], text + hidden)
    return fine and not hidden, told


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    flags_of = commands()
    files = [file.resolve() for file in arguments.files] or sorted(flags_of)
    shutil.rmtree(JOINED, ignore_errors=True)
    for config in ROOT.glob("*/**/.clang-tidy"):
        copy = JOINED / config.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(config, copy)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        looks = [pool.submit(look_at, number, top, members, flags_of)
                 for number, top, members in list(groups(files, flags_of, pool))]
        results = [look.result() for look in concurrent.futures.as_completed(looks)]
    print("".join(text for _, text in results), end="")
    if not all(fine for fine, _ in results):
        return 1
    print(f"tidy: clang-tidy finds nothing in {len(files)} files, in {len(results)} groups")
    return 0


if __name__ == "__main__":
    sys.exit(main())
