"""Transports in shared objects of their own: the example, as somebody builds it who has the installed copy, and
plugins that are none."""
import os
import re
import shutil
import subprocess
import unittest

import harness
from harness import run

EXAMPLE = harness.SOURCE / "examples/custom_transport"


class PluginCase(harness.IntegrationCase):
    def compiled(self, name, source, *flags):
        """A shared object made from a C text."""
        text = self.folder / f"{name}.c"
        text.write_text(source)
        run("cc", "-shared", "-fPIC", text, "-o", self.folder / f"{name}.so", *flags)
        return self.folder / f"{name}.so"

    def compiled_for_plugins(self, name, source, *more):
        target = self.folder / f"{name}.so"
        run(harness.cached("CMAKE_CXX_COMPILER"), *harness.cached("CMAKE_CXX_FLAGS").split(), "-std=c++20",
            "-shared", "-fPIC", "-fvisibility=hidden", f"-I{harness.SOURCE}/transport/include",
            f"-I{harness.BUILD}/generated/include", source, *more, "-o", target)
        return target

    def assert_refused(self, pattern, *arguments, **options):
        program = self.run_fifomq(*arguments, status=2, **options)
        self.assertEqual(len(program.err.splitlines()), 1, program.err)
        self.assertRegex(program.err, pattern)


class Refused(PluginCase):
    def test_a_file_that_is_no_plugin(self):
        text = self.folder / "text.so"
        text.write_text("hello")
        for file, why in (
                ("missing.so", r"missing\.so: cannot open: No such file.*\[not_found\]"),
                (self.folder, r"this is no file \[wrong_type\]"),
                (text, r"text\.so: it cannot be loaded as a plugin: .*\[wrong_type\]"),
                (self.compiled("empty", "int nothing;"), r"no plugin of fifomq: it has no 'fifomq_plugin'")):
            with self.subTest(file):
                self.assert_refused(why, "--plugin", file, "transports")

    def test_a_plugin_of_another_version_though_it_calls_what_is_not_here(self):
        source = ('extern void fifomq_of_tomorrow(void);\n'
                  'void use(void) { fifomq_of_tomorrow(); }\n'
                  'const struct { const char* version; void (*use)(void); } fifomq_plugin = {VERSION, use};\n')
        said = run(harness.FIFOMQ, "--version").split()[1]
        other = self.compiled("other", source, '-DVERSION="9.8.7"', "-Wl,-z,lazy")
        self.assert_refused(rf"built for fifomq 9\.8\.7, and this is {said}; build it again .*\[unsupported\]",
                            "--plugin", other, "transports")
        same = self.compiled("same", source, f'-DVERSION="{said}"', "-Wl,-z,lazy")
        self.assert_refused("cannot be loaded as a plugin: .*undefined symbol: fifomq_of_tomorrow.*wrong_type",
                            "--plugin", same, "transports")

    def test_a_plugin_that_others_may_change(self):
        plugin = self.compiled("plugin", "int nothing;")
        plugin.chmod(0o757)
        self.assert_refused(r"everybody may change it.*\[permission_denied\]", "--plugin", plugin, "transports")
        plugin.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(plugin, 12345, -1)
            self.assert_refused("belongs to another user", "--plugin", plugin, "transports")
            os.chown(plugin, 0, -1)
        self.folder.chmod(0o777)
        self.assert_refused(r"everybody may replace it in .*\[permission_denied\]", "--plugin", plugin, "transports")
        self.folder.chmod(0o1777)
        self.assert_refused("no plugin of fifomq", "--plugin", plugin, "transports")

    def test_the_place_in_the_settings_is_named(self):
        settings = self.folder / "bridge.toml"
        settings.write_text('from = "-"\nto = "-"\nplugin = ["missing.so"]\n')
        self.assert_refused(r"bridge\.toml:3: missing\.so: cannot open", "bridge", "--config", settings)
        settings.write_text('from = "-"\nto = "-"\nplugin = 7\n')
        self.assert_refused(r"bridge\.toml:3: the value must be a text", "bridge", "--config", settings)
        # The command line has the last word.
        self.assert_refused("other.so: cannot open", "bridge", "--config", settings, "--plugin", "other.so")

    def test_a_folder_that_is_missing(self):
        self.assert_refused("missing: cannot read this folder of FIFOMQ_PLUGIN_PATH: .*not_found", "transports",
                            env={**os.environ, "FIFOMQ_PLUGIN_PATH": "missing"})


@unittest.skipIf(harness.cached("CMAKE_BUILD_TYPE") != "Release",
                 "what is installed, and how it is found, is the same in every build")
class OutsideTheTree(PluginCase):
    def test_the_page(self):
        """Builds it, passes the suite, and carries two messages."""
        prefix = harness.installed_for(type(self))
        (library,) = prefix.rglob("libfifomq-core.so")
        (script,) = re.findall(r"^```sh\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.M | re.S)
        environment = {**os.environ, "PATH": f"{harness.BIN}:{os.environ['PATH']}",
                       "FIFOMQ_SOURCE": str(harness.SOURCE), "CMAKE_PREFIX_PATH": str(prefix),
                       "LD_LIBRARY_PATH": str(library.parent), "CMAKE_GENERATOR": "Ninja",
                       "CXX": harness.cached("CMAKE_CXX_COMPILER")}
        out = run("bash", "-euo", "pipefail", "-c", script, cwd=self.folder, env=environment)
        passed = [line for line in out.splitlines() if line.startswith("[       OK ]")]
        self.assertGreater(len(passed), 40, out)
        self.assertIn("Each/Conformance.Rule1LargeMessagesArriveWhole/seqpacket", out)
        self.assertTrue(out.endswith("\none\ntwo\n"), out[-200:])
        self.assertNotIn("fifomq", run("readelf", "--dynamic", self.folder / "build/seqpacket.so"))


class Example(PluginCase):
    plugin = harness.TEST_PROGRAMS / "seqpacket.so"

    def check_bridge(self, *options, **more):
        self.start(harness.FIFOMQ, *options, "bridge", "seqpacket:socket", f"fifo:{self.fifo}", "--count", "2",
                   **more).wait_for("at-most-once")
        receiver = self.fifomq("recv", f"fifo:{self.fifo}", "--count", "2")
        lines = self.folder / "lines"
        lines.write_text("one\ntwo\n")
        self.run_fifomq("--plugin", self.plugin, "send", "seqpacket:socket", lines)
        self.assert_ends(receiver, 0)
        self.assertEqual(receiver.out, b"one\ntwo\n")

    def test_a_bridge_from_it(self):
        self.check_bridge("--plugin", self.plugin)

    def plugins(self):
        """A folder with this plugin alone."""
        folder = self.folder / "plugins"
        folder.mkdir()
        shutil.copy(self.plugin, folder)
        return folder

    def test_a_bridge_that_finds_it_in_a_folder(self):
        self.check_bridge(env={**os.environ, "FIFOMQ_PLUGIN_PATH": f":{self.plugins()}:"})

    def test_the_settings_file_names_it(self):
        settings = self.folder / "bridge.toml"
        settings.write_text(f'from = "seqpacket:socket"\nto = "-"\nplugin = "{self.plugin}"\n')
        self.run_fifomq("bridge", "--config", settings, "--dry-run")

    def test_a_scheme_that_is_taken(self):
        copy = self.folder / "copy.so"
        shutil.copy(self.plugin, copy)
        self.assert_refused(r"copy\.so: two transports claim the scheme 'seqpacket' \[invalid_endpoint\]",
                            "--plugin", self.plugin, "--plugin", copy, "transports")

    @unittest.skipIf(harness.SANITIZED, "the sanitizers want to be told of two copies in another way")
    def test_one_that_brings_a_copy_of_the_library(self):
        """Two copies would not know each other's errors."""
        fat = self.compiled_for_plugins("fat", EXAMPLE / "seqpacket.cpp", harness.BUILD / "libfifomq-core.a",
                                        "-lisal", "-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL")
        self.assert_refused(r"fat\.so: it brings a copy of this library along.*\[unsupported\]",
                            "--plugin", fat, "transports")

    def test_one_that_gives_nothing(self):
        source = self.folder / "nothing.cpp"
        source.write_text("#include <fifomq/plugin.hpp>\n"
                          "namespace { std::unique_ptr<fifomq::Transport> nothing() { return nullptr; } }\n"
                          "FIFOMQ_PLUGIN(nothing);\n")
        self.assert_refused(r"this plugin gives no transport \[wrong_type\]",
                            "--plugin", self.compiled_for_plugins("nothing", source), "transports")


if __name__ == "__main__":
    unittest.main(verbosity=2)
