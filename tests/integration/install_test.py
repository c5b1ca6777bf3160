"""The installed copy: found by CMake and by pkg-config, under a prefix chosen at install time."""
import os
import re
import subprocess
import unittest

import harness

SERVICE = harness.HERE / "installed_service"
TYPED_PAGE = harness.SOURCE / "transport/include/fifomq/README.md"


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            timeout=2 * harness.TIMEOUT, **options)
    if result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}\n"
                             f"{result.stderr}")
    return result.stdout


@unittest.skipIf(harness.SANITIZED, "what is installed, and how it is found, is the same in every build")
class Install(harness.IntegrationCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = harness.installed_for(cls)
        cls.flags = harness.cached("CMAKE_CXX_FLAGS")
        cls.compiler = harness.cached("CMAKE_CXX_COMPILER")

    def one(self, pattern):
        found = list(self.prefix.rglob(pattern))
        self.assertEqual(len(found), 1, f"{pattern}: {found}")
        return found[0]

    def check_service(self, service):
        endpoints = ["memory:here", f"fifo:{self.fifo}"]
        libraries = self.one("libfifomq.*").parent
        out = run(service, *endpoints, env={**os.environ, "LD_LIBRARY_PATH": str(libraries)})
        version, *greetings = out.splitlines()
        self.assertRegex(version, r"^fifomq \d+\.\d+\.\d+, 8 hops$")
        self.assertEqual(greetings, [f"greeting: hello over {name}" for name in endpoints])

    def test_what_is_installed(self):
        program = self.one("bin/fifomq")
        self.assertRegex(run(program, "--version"), r"^fifomq \d")
        self.one("fifomq/v1/frame.proto")
        installed = {path.name for path in self.one("channel.hpp").parent.iterdir()}
        sources = [*harness.SOURCE.glob("transport/include/fifomq/*.hpp"),
                   *harness.SOURCE.glob("bridge/include/fifomq/*.hpp"),
                   harness.SOURCE / "transport/include/fifomq/typed"]
        self.assertLessEqual({path.name for path in sources} | {"version.hpp"}, installed)

    def test_every_public_header_stands_on_its_own(self):
        include = self.one("channel.hpp").parent.parent
        source = self.folder / "header.cpp"
        for header in sorted((include / "fifomq").rglob("*.hpp")):
            name = header.relative_to(include)
            with self.subTest(name):
                source.write_text(f"#include <{name}>\n")
                run(self.compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                    "-fsyntax-only", f"-I{include}", source)

    def test_nothing_installed_points_into_the_trees_it_came_from(self):
        for file in [*self.prefix.rglob("*.cmake"), *self.prefix.rglob("*.pc")]:
            for tree in (harness.SOURCE, harness.BUILD):
                self.assertNotRegex(file.read_text(), rf"(?<![\w./-]){re.escape(str(tree))}/", file)

    def configure(self, service, *more):
        """The folder it is built in, and what CMake has found for it."""
        build = self.folder / f"build_{service.name}"
        run("cmake", "-G", "Ninja", "-S", service, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_CXX_COMPILER={self.compiler}", f"-DCMAKE_CXX_FLAGS={self.flags}", *more)
        cache = (build / "CMakeCache.txt").read_text()
        self.assertIn(str(self.prefix), re.search(r"^fifomq_DIR:PATH=(.*)$", cache, re.M).group(1))
        return build, cache

    def test_a_service_built_with_cmake(self):
        build, cache = self.configure(SERVICE)
        self.assertNotIn("Protobuf", cache)
        run("cmake", "--build", build)
        self.check_service(build / "service")

    def typed_service(self):
        """The service on the page about typed messages."""
        service = self.folder / "typed"
        service.mkdir()
        page = TYPED_PAGE.read_text()
        for language, name in (("cmake", "CMakeLists.txt"), ("proto", "reading.proto"),
                               ("cpp", "main.cpp")):
            (block,) = re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)
            (service / name).write_text(block)
        return service

    def test_a_service_with_typed_messages(self):
        build, _ = self.configure(self.typed_service())
        run("cmake", "--build", build)
        libraries = self.one("libfifomq.*").parent
        for endpoint in ("memory:here", f"fifo:{self.fifo}"):
            out = run(build / "typed_service", endpoint,
                      env={**os.environ, "LD_LIBRARY_PATH": str(libraries)})
            self.assertEqual(out.splitlines(), ["cellar: 11.5", "other_message_type", "wet"])

    def test_typed_messages_without_protobuf_is_said_clearly(self):
        with self.assertRaisesRegex(AssertionError, "'typed' needs Protobuf.*libprotobuf-dev"):
            self.configure(self.typed_service(), "-DCMAKE_DISABLE_FIND_PACKAGE_Protobuf=ON")

    def test_a_service_built_with_pkg_config(self):
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.one("fifomq.pc").parent)}
        service = self.folder / "service"
        # Without --static too: the library that is installed by default is a static one, and the
        # flags must say what it needs.
        for static in ((), ("--static",)):
            with self.subTest(static):
                flags = run("pkg-config", "--cflags", "--libs", *static, "fifomq",
                            env=environment).split()
                run(self.compiler, "-std=c++20", *self.flags.split(), SERVICE / "main.cpp",
                    "-o", service, *flags)
                self.check_service(service)


if __name__ == "__main__":
    unittest.main(verbosity=2)
