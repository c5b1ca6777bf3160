"""The direction of dependencies, as a checked list; and no transport named outside its folder.

What counts as naming: a string literal (a quoted word in a CMake file) that is a scheme's name, or
holds it with a colon behind it. Comments are free to give examples. So are literals in which the
scheme stands behind "as in", "such as" or "for example": help and error texts show people what to
write. The dash for standard streams is no name: it is what every program's command line takes.
"""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

EXAMPLE = re.compile(r"(as in|such as|for example) \S*$")
COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<mark>[^()\s]*)\((?P<raw>.*?)\)(?P=mark)"'
    r'|"(?P<literal>(?:[^"\\\n]|\\.)*)"'
    r"|(?<!\w)'(?:[^'\\\n]|\\.)+'", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# Libraries that belong to one layer. The standard library, POSIX and Linux are everybody's.
FREE = re.compile(
    r"^(<[a-z_]+>|<(sys|linux|netinet|arpa)/\w+\.h>"
    r"|<(fcntl|unistd|poll|pthread|sched|signal|dirent|endian|immintrin|nmmintrin|arm_acle)\.h>)$")

CORE, HEADERS, RELAY, BUILTIN = "core", "public headers", "relay", "builtin"
# Layer, files, and what they may include besides the free ones. The first line that fits a file is
# its layer. {own} is the file's own folder.
LAYERS = (
    ("tests of a part", r"(transport|bridge)/.*(_test|conformance)\.[ch]pp",
     (r'"core/.*"', r'"{own}"', r"<fifomq/.*>", r'"(conformance|support)/.*"',
      r"<(gtest|gmock)/.*>", r"<zmq\.h(pp)?>", r"<nats/nats\.h>")),
    ("typed messages", r"transport/include/fifomq/typed(/\w+)?\.hpp",
     (r"<fifomq/(?!relay|builtin)(typed/)?\w+\.hpp>", r"<google/protobuf/.*>")),
    (HEADERS, r"transport/include/fifomq/.*\.hpp", (r"<fifomq/(?!relay|builtin)\w+\.hpp>",)),
    ("code behind the public headers", r"transport/api/.*\.[ch]pp",
     (r'"(api|core)/\w+\.hpp"', r"<fifomq/(?!relay|builtin)\w+\.hpp>", r"<dlfcn\.h>")),
    (CORE, r"transport/core/.*\.[ch]pp",
     (r'"core/\w+\.hpp"', r"<fifomq/(?!relay|builtin)\w+\.hpp>", r"<(isa-l/)?crc\.h>",
      r"<isa-l\.h>")),
    ("plugin", r"transport/plugins/(?P<plugin>\w+)/.*\.[ch]pp",
     (r'"core/\w+\.hpp"', r'"{own}"', r"<fifomq/(?!relay|builtin)\w+\.hpp>", r"<zmq\.hpp>",
      r"<nats/nats\.h>", r"<nlohmann/json\.hpp>")),
    (BUILTIN, r"transport/builtin/.*",
     (r"<fifomq/(?!relay)\w+\.hpp>", r"<fifomq/transports/@component@\.hpp>")),
    (RELAY, r"bridge/(relay\.cpp|include/fifomq/\w+\.hpp)",
     (r"<fifomq/(?!builtin)\w+\.hpp>", r'"core/\w+\.hpp"')),
    ("composition root", r"bridge/main\.cpp",
     (r"<fifomq/\w+\.hpp>", r'"core/\w+\.hpp"', r'"{own}"', r"<(CLI|spdlog)/.*>")),
    ("program", r"bridge/.*\.[ch]pp",
     (r"<fifomq/(?!builtin)\w+\.hpp>", r'"core/\w+\.hpp"', r'"{own}"',
      r"<(CLI|spdlog|toml\+\+|prometheus|systemd)/.*>",
      r"<CivetServer\.h>", r"<netdb\.h>", r"<nlohmann/json\.hpp>", r"<google/protobuf/.*>")),
)
NAMELESS = ("transport/api", "transport/core", "transport/include", "transport/builtin", "bridge", "cmake")
SOURCES = (".cpp", ".hpp", ".in")


def without_comments(text):
    return COMMENT_OR_LITERAL.sub(
        lambda found: " " if found.group().startswith("/") else found.group(), text)


def literals(text):
    for found in COMMENT_OR_LITERAL.finditer(text):
        for group in ("raw", "literal"):
            if found.group(group) is not None:
                yield found.group(group)


def files_below(root, *folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file():
                yield path


def layer_of(name):
    for layer, files, allowed in LAYERS:
        if re.fullmatch(files, name):
            return layer, allowed
    return None, ()


def is_allowed(include, allowed, folder):
    """`{own}` is any file of the same folder, by its plain name."""
    for pattern in allowed:
        if pattern == '"{own}"':
            name = include.strip('"')
            if include[0] == '"' and ".." not in name and (folder / name).is_file():
                return True
        elif re.fullmatch(pattern, include):
            return True
    return bool(FREE.match(include))


def include_violations(root):
    found, files = [], 0
    for path in files_below(root, "transport", "bridge"):
        if path.suffix not in SOURCES or path.name.endswith(".cmake.in"):
            continue
        name = str(path.relative_to(root))
        layer, allowed = layer_of(name)
        text = without_comments(path.read_text())
        files += 1
        for opening, header in INCLUDE.findall(text):
            include = f'"{header}"' if opening == '"' else f"<{header}>"
            if layer is None and name != "transport/version.hpp.in":
                found.append(f"{name}: belongs to no layer")
                break
            if not is_allowed(include, allowed, path.parent):
                found.append(f"{name} ({layer}): {include}")
    return found, files


def scheme_violations(root, schemes):
    names = "|".join(re.escape(scheme) for scheme in schemes)
    naming = re.compile(rf"^(?:{names})$|(?<![\w+])(?:{names}):")
    found = []
    for path in files_below(root, *NAMELESS):
        if path.suffix not in (*SOURCES, ".txt", ".cmake"):
            continue
        text = path.read_text()
        if path.suffix in (".txt", ".cmake") or path.name.endswith((".cmake.in", ".pc.in")):
            text = re.sub(r"#[^\n]*", "", text)
        for literal in literals(text):
            hit = naming.search(literal)
            if hit and not EXAMPLE.search(literal[:hit.start()]):
                found.append(f'{path.relative_to(root)}: "{literal}"')
    return found


class Layering(unittest.TestCase):
    def schemes(self):
        """Of the transports that were built in, from the program itself."""
        listed = subprocess.run([harness.FIFOMQ, "transports"], capture_output=True,
                                        text=True, check=True, timeout=harness.TIMEOUT).stdout
        names = re.findall(r"^([a-z][\w+]*):", listed, re.M)
        self.assertGreaterEqual(len(names), 7, listed)
        return names

    def test_includes_go_one_way(self):
        found, files = include_violations(harness.SOURCE)
        self.assertGreater(files, 70)
        self.assertEqual(found, [])

    def test_no_scheme_is_named_outside_its_plugin(self):
        self.assertEqual(scheme_violations(harness.SOURCE, self.schemes()), [])

    def planted(self, name, text):
        """A copy of the tree with one more file in it."""
        folder = tempfile.TemporaryDirectory(prefix="fifomq_layering_")
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        for part in ("transport", "bridge", "cmake"):
            shutil.copytree(harness.SOURCE / part, root / part)
        (root / name).write_text(text)
        return root

    def test_a_planted_include_is_found(self):
        for name, include in (
                ("transport/core/planted.cpp", '"plugins/fifo/fifo_path.hpp"'),
                ("transport/core/planted.cpp", '"../plugins/fifo/fifo_path.hpp"'),
                ("transport/core/planted.cpp", "<fifomq/builtin.hpp>"),
                ("transport/core/planted.cpp", "<fifomq/relay.hpp>"),
                ("transport/core/planted.hpp", "<zmq.hpp>"),
                ("transport/include/fifomq/planted.hpp", '"core/frame.hpp"'),
                ("transport/plugins/fifo/planted.cpp", '"zmq_options.hpp"'),
                ("transport/plugins/fifo/planted.cpp", '"plugins/zmq/zmq_options.hpp"'),
                ("transport/plugins/fifo/planted.cpp", '"../zmq/zmq_options.hpp"'),
                ("transport/plugins/fifo/planted.cpp", "<fifomq/builtin.hpp>"),
                ("transport/plugins/zmq/planted.hpp", '"bridge/report.hpp"'),
                ("bridge/planted.cpp", "<fifomq/builtin.hpp>"),
                ("bridge/planted.cpp", '"plugins/fifo/fifo_path.hpp"'),
                ("bridge/planted.cpp", "<zmq.hpp>"),
                ("bridge/relay.cpp", '"report.hpp"'),
                ("transport/planted.cpp", "<vector>")):
            with self.subTest(file=name, include=include):
                root = self.planted(name, f"// A comment.\n#include {include}\n")
                found, _ = include_violations(root)
                self.assertEqual(len(found), 1, found)
                self.assertIn(name, found[0])

    def test_a_planted_scheme_is_found(self):
        for name, text in (
                ("transport/core/planted.cpp", 'if (scheme == "fifo") return;\n'),
                ("transport/include/fifomq/planted.hpp", 'const char* a = "see fifo:/tmp/x";\n'),
                ("bridge/planted.cpp", 'f("a" /* b */ "\\"zmq+push:@" + port);\n'),
                ("bridge/planted.cpp", 'f(R"(zmq+sub:)");\n'),
                ("bridge/planted.hpp", '// "harmless"\nauto a = "memory:x";\n'),
                ("cmake/planted.cmake", 'set(list "fifo" other)\n')):
            with self.subTest(file=name, text=text):
                found = scheme_violations(self.planted(name, text), self.schemes())
                self.assertEqual(len(found), 1, found)
                self.assertIn(name, found[0])

    def test_what_is_no_violation_is_not_found(self):
        text = ('#include <vector>\n#include <sys/stat.h>\n#include "core/frame.hpp"\n'
                '// #include "plugins/fifo/fifo_path.hpp" and "fifo:/tmp/x"\n'
                '/* #include <zmq.hpp>\n "zmq+push:" */\n'
                "char quote = '\"'; // \"fifo:\n"
                'f("a path must follow, as in fifo:/run/app/in", "fifomq: x", "in memory");\n')
        root = self.planted("transport/core/planted.cpp", text)
        self.assertEqual(include_violations(root)[0], [])
        self.assertEqual(scheme_violations(root, self.schemes()), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
