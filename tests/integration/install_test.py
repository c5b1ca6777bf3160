"""The installed copy: found by CMake and by pkg-config, under a prefix chosen at install time."""
import os
import re
import shutil
import subprocess
import unittest

import harness
from harness import run

SERVICE = harness.HERE / "installed_service"
TYPED_PAGE = harness.SOURCE / "transport/include/fifomq/README.md"


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

    def environment(self):
        """Finds the shared library where it is installed."""
        return {**os.environ, "LD_LIBRARY_PATH": str(self.one("libfifomq.so").parent)}

    def needed(self, binary):
        """The libraries that it names itself."""
        return set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", binary)))

    def check_service(self, service, shared):
        self.assertEqual("libfifomq.so.0" in self.needed(service), shared)
        self.check_greetings(service)

    def check_greetings(self, service):
        endpoints = ["memory:here", f"fifo:{self.fifo}"]
        out = run(service, *endpoints, env=self.environment())
        version, *greetings = out.splitlines()
        self.assertRegex(version, r"^fifomq \d+\.\d+\.\d+, 8 hops$")
        self.assertEqual(greetings, [f"greeting: hello over {name}" for name in endpoints])

    def test_what_is_installed(self):
        program = self.one("bin/fifomq")
        self.assertRegex(run(program, "--version"), r"^fifomq \d")
        self.one("fifomq/v1/frame.proto")
        for library in ("libfifomq", "libfifomq-core"):
            self.one(f"{library}.a")
            self.assertIn(f"soname: [{library}.so.0]",
                          run("readelf", "--dynamic", self.one(f"{library}.so.*.*")))
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
        for shared, asked in ((True, ()), (False, ("-DBUILD_SHARED_LIBS=OFF",)),
                              (True, ("-DBUILD_SHARED_LIBS=OFF", "-Dfifomq_USE_STATIC_LIBS=OFF"))):
            with self.subTest(asked):
                build, cache = self.configure(SERVICE, *asked)
                self.assertNotIn("Protobuf", cache)
                run("cmake", "--build", build, "--target", "service")
                self.check_service(build / "service", shared)
                shutil.rmtree(build)

    def test_a_service_of_the_core_alone_needs_no_library_of_the_others(self):
        build, cache = self.configure(SERVICE, "-DCOMPONENT=core")
        self.assertNotRegex(cache, "zmq|nats")
        run("cmake", "--build", build)
        for service, wanted in (("core_service", {"libfifomq-core.so.0"}), ("core_service_static", set())):
            with self.subTest(service):
                self.assertEqual({name for name in self.needed(build / service) if "fifomq" in name}, wanted)
                loaded = run("ldd", build / service, env=self.environment())
                self.assertNotRegex(loaded, "zmq|nats|not found")
                self.check_greetings(build / service)

    def test_a_component_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(AssertionError, r"(?s)no component\s+'carrier_pigeon'.*core"):
            self.configure(SERVICE, "-DCOMPONENT=carrier_pigeon")

    def test_the_registry_on_the_page_about_linking(self):
        text = re.findall(r"^```cpp\n(.*?)^```$", TYPED_PAGE.read_text(), re.M | re.S)[0]
        source = self.folder / "registry.cpp"
        source.write_text(text + "int main() { return transports().schemes().size() > 4 ? 0 : 1; }\n")
        run(self.compiler, "-std=c++20", *self.flags.split(), source, "-o", self.folder / "registry",
            *self.pkg_config("--cflags", "--libs", "fifomq-zmq"))
        run(self.folder / "registry", env=self.environment())

    def typed_service(self):
        """The service on the page about typed messages."""
        service = self.folder / "typed"
        service.mkdir()
        page = TYPED_PAGE.read_text()
        for language, name in (("cmake", "CMakeLists.txt"), ("proto", "reading.proto"),
                               ("cpp", "main.cpp")):
            block = re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)[-1]
            (service / name).write_text(block)
        return service

    def test_a_service_with_typed_messages(self):
        build, _ = self.configure(self.typed_service())
        run("cmake", "--build", build)
        for endpoint in ("memory:here", f"fifo:{self.fifo}"):
            out = run(build / "typed_service", endpoint, env=self.environment())
            self.assertEqual(out.splitlines(), ["cellar: 11.5", "other_message_type", "wet"])

    def test_typed_messages_without_protobuf_is_said_clearly(self):
        with self.assertRaisesRegex(AssertionError, "'typed' needs Protobuf.*libprotobuf-dev"):
            self.configure(self.typed_service(), "-DCMAKE_DISABLE_FIND_PACKAGE_Protobuf=ON")

    def pkg_config(self, *arguments):
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.one("fifomq.pc").parent)}
        return run("pkg-config", *arguments, env=environment).split()

    def test_a_service_built_with_pkg_config(self):
        service = self.folder / "service"
        command = [self.compiler, "-std=c++20", *self.flags.split(), SERVICE / "main.cpp", "-o", service]
        with self.subTest("shared"):
            run(*command, *self.pkg_config("--cflags", "--libs", "fifomq"))
            self.check_service(service, True)
        with self.subTest("static"):
            flags = self.pkg_config("--static", "--cflags", "--libs", "fifomq")
            # Ours alone, as the page says: not every library behind it has a static one.
            run(*command, *(re.sub("^-l(fifomq.*)", r"-l:lib\1.a", flag) for flag in flags))
            self.check_service(service, False)

    def test_pkg_config_names_no_more_than_is_asked_for(self):
        self.assertNotRegex(" ".join(self.pkg_config("--static", "--cflags", "--libs", "fifomq-core")), "zmq|nats")
        self.assertEqual([flag for flag in self.pkg_config("--libs", "fifomq-core") if "-l" in flag],
                         ["-lfifomq-core"])
        self.assertNotIn("//", " ".join(self.pkg_config("--cflags", "--libs", "fifomq")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
