"""The Debian packages: built in a tree of their own, looked into, and found in order by lintian."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import run

TIMEOUT = 900  # all is compiled once more, if without optimisation
CONTENTS = {
    "fifomq": {
        "usr/bin/fifomq", "usr/lib/systemd/system/fifomq-bridge@.service",
        "usr/lib/systemd/system/fifomq-bridge@.socket", "usr/lib/sysusers.d/fifomq.conf",
        "usr/share/man/man1/fifomq.1.gz", "usr/share/man/man7/fifomq-endpoints.7.gz",
        "usr/share/bash-completion/completions/fifomq",
        "usr/share/zsh/vendor-completions/_fifomq"},
    "libfifomq0": {f"usr/lib/LIB/libfifomq{part}.so.{version}"
                   for part in ("", "-core", "-nats", "-zmq") for version in ("0", "VERSION")},
    "libfifomq-dev": {
        "usr/lib/LIB/libfifomq.so", "usr/lib/LIB/libfifomq.a", "usr/lib/LIB/libfifomq-core.a",
        "usr/lib/LIB/libfifomq-conformance.a", "usr/include/fifomq/conformance.hpp", "usr/lib/LIB/pkgconfig/fifomq-core.pc", "usr/lib/LIB/pkgconfig/fifomq.pc",
        "usr/lib/LIB/cmake/fifomq/fifomqConfig.cmake", "usr/include/fifomq/channel.hpp",
        "usr/include/fifomq/version.hpp", "usr/include/fifomq/v1/frame.proto"},
}
DEPENDS = {"fifomq": ("libzmq5", "libsystemd0", "libc6"), "libfifomq0": ("libzmq5", "libisal2"),
           "libfifomq-dev": ("libfifomq0",)}


@unittest.skipIf(harness.cached("CMAKE_BUILD_TYPE") != "Release",
                 "packages are the same whatever build type the tests have")
class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for tool in ("dpkg-deb", "dpkg-shlibdeps"):
            if not shutil.which(tool):
                raise unittest.SkipTest(f"{tool} is not installed")
        folder = tempfile.TemporaryDirectory(prefix="fifomq_packages_")
        cls.addClassCleanup(folder.cleanup)
        build = cls.build = pathlib.Path(folder.name)
        # As the preset says, but for the optimisation.
        run("cmake", "--preset", "package", "-B", build, "-DCMAKE_BUILD_TYPE=None",
            "-DCMAKE_CXX_FLAGS=-O0 -fstack-protector-strong",
            f"-DCMAKE_CXX_COMPILER={harness.cached('CMAKE_CXX_COMPILER')}", cwd=harness.SOURCE)
        run("cmake", "--build", build)
        run("cpack", "-G", "DEB", cwd=build)
        cls.packages = {path.name.partition("_")[0]: path for path in build.glob("*.deb")}
        cls.version = re.search(r"project\(fifomq VERSION (\S+)",
                                (harness.SOURCE / "CMakeLists.txt").read_text())[1]

    def field(self, package, name):
        return run("dpkg-deb", "--field", self.packages[package], name).strip()

    def unpacked(self, package):
        target = self.build / "unpacked" / package
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            run("dpkg-deb", "--raw-extract", self.packages[package], target)
        return target

    def test_there_are_three_of_this_version(self):
        self.assertEqual(set(self.packages), set(CONTENTS))
        for package in CONTENTS:
            self.assertEqual(self.field(package, "Version"), f"{self.version}-1")

    def test_each_has_what_belongs_to_it_and_its_papers(self):
        architecture = run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
        for package, contents in CONTENTS.items():
            with self.subTest(package):
                root = self.unpacked(package)
                there = {str(path.relative_to(root)) for path in root.rglob("*")
                         if path.is_symlink() or path.is_file()}
                papers = {f"usr/share/doc/{package}/{name}"
                          for name in ("copyright", "changelog.Debian.gz")}
                wanted = {path.replace("LIB", architecture).replace("VERSION", self.version)
                          for path in contents | papers}
                self.assertLessEqual(wanted, there)
                if package != "libfifomq-dev":
                    self.assertEqual(wanted, {path for path in there if path.startswith("usr/")})

    def test_the_changelog_has_this_version_first(self):
        text = run("zcat", self.unpacked("fifomq") / "usr/share/doc/fifomq/changelog.Debian.gz")
        self.assertTrue(text.startswith(f"fifomq ({self.version}-1) "), text)

    def test_they_depend_on_what_they_are_linked_with(self):
        for package, wanted in DEPENDS.items():
            said = self.field(package, "Depends")
            for each in wanted:
                with self.subTest(package=package, depends=each):
                    self.assertRegex(said, rf"(^|, ){re.escape(each)}\b")
        # What a static library needs is only for whoever links that one.
        self.assertNotIn("zmq", self.field("libfifomq-dev", "Depends"))

    def test_the_program_runs_by_itself(self):
        program = self.unpacked("fifomq") / "usr/bin/fifomq"
        self.assertEqual(run(program, "--version"), f"fifomq {self.version}\n")
        self.assertNotRegex(run("readelf", "--dynamic", program), "RPATH|RUNPATH|libfifomq")

    def test_pkg_config_has_no_folder_that_the_compiler_knows_already(self):
        (file,) = self.unpacked("libfifomq-dev").rglob("fifomq.pc")
        flags = run("pkg-config", "--cflags", "--libs", "fifomq",
                    env={**os.environ, "PKG_CONFIG_PATH": str(file.parent)})
        self.assertEqual(flags.split(), ["-lfifomq", "-lfifomq-core"])

    def test_the_units_run_the_installed_program(self):
        unit = self.unpacked("fifomq") / "usr/lib/systemd/system/fifomq-bridge@.service"
        self.assertIn("\nExecStart=/usr/bin/fifomq bridge ", unit.read_text())

    def test_lintian_finds_no_error(self):
        if not shutil.which("lintian"):
            self.skipTest("lintian is not installed")
        done = subprocess.run(["lintian", "--fail-on", "error", "--allow-root", *self.packages.values()], capture_output=True, text=True,
                              timeout=TIMEOUT)
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
