"""Builds examples/services outside the tree, as their readers would: against an installed copy, every warning an error."""
import functools
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import run

SERVICES = harness.SOURCE / "examples/services"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
PROGRAMS = sorted(source.stem for source in SERVICES.glob("*.cpp"))
TYPED = ("typed", "requests")


class Installed:
    """A copy that is installed once for all that is built here, and the folder where that is."""

    def __init__(self):
        folder = tempfile.TemporaryDirectory(prefix="fifomq_examples_")
        unittest.addModuleCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.prefix = self.folder / "prefix"
        run("cmake", "--install", harness.BUILD, "--prefix", self.prefix)
        (self.pkgconfig,) = self.prefix.rglob("pkgconfig")

    @property
    def environment(self):
        return {**os.environ, "PKG_CONFIG_PATH": str(self.pkgconfig), "LD_LIBRARY_PATH": str(self.pkgconfig.parent)}


installed = functools.cache(Installed)


@functools.cache
def built_with_find_package(compiler):
    """As the page says. The second library is linked with what was compiled for the first one."""
    folder = installed().folder / f"{compiler}_find_package"
    shutil.copytree(SERVICES, folder)
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", (SERVICES / "README.md").read_text(), re.M | re.S)
    environment = {**os.environ, "prefix": str(installed().prefix), "CXX": compiler, "CXXFLAGS": shlex.join(WARNINGS),
                   "CMAKE_GENERATOR": "Ninja", "CMAKE_BUILD_PARALLEL_LEVEL": "2"}
    said = run("bash", "-euo", "pipefail", "-c", commands, cwd=folder, env=environment)
    if not said.endswith("\ngreeting: hello\n"):
        raise AssertionError(said)
    folders = {"shared": keep_programs(folder, "shared")}
    run("cmake", "-Dfifomq_USE_STATIC_LIBS=ON", "build", cwd=folder)
    run("cmake", "--build", "build", cwd=folder, env=environment)
    return {**folders, "static": keep_programs(folder, "static")}


def keep_programs(folder, library):
    kept = folder / library
    kept.mkdir()
    for program in PROGRAMS:
        (folder / "build" / program).rename(kept / program)
    return kept


@functools.cache
def built_with_pkg_config(compiler):
    build = installed().folder / f"{compiler}_pkg_config"
    folders = {library: build / library for library in ("shared", "static")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    flags = functools.partial(pkg_config, "--cflags")
    run("protoc", f"--cpp_out={build}", f"--proto_path={SERVICES}", "messages.proto")
    # What protoc wrote is not ours to judge.
    run(compiler, "-std=c++20", "-c", *flags("protobuf"), build / "messages.pb.cc", "-o", build / "messages.o")
    for program in PROGRAMS:
        needs, more = needed_by(program)
        run(compiler, "-std=c++20", *WARNINGS, "-c", *flags("fifomq", *needs), "-I", build,
            SERVICES / f"{program}.cpp", "-o", build / f"{program}.o")
        objects = [build / f"{program}.o", *(build / name for name in more)]
        for library, folder in folders.items():
            run(compiler, *objects, "-o", folder / program, *linked_with(library), *pkg_config("--libs", *needs),
                "-pthread")
    return folders


def needed_by(program):
    """What it needs besides fifomq, by the names of pkg-config; and other objects."""
    if program in TYPED:
        return ["protobuf"], ["messages.o"]
    return (["libzmq"], []) if program == "zmq_poll_service" else ([], [])


def pkg_config(*arguments):
    if not arguments[1:]:
        return []
    return run("pkg-config", *arguments, env=installed().environment).split()


def linked_with(library):
    """The linker takes a shared library where there are both and nothing is said."""
    if library == "shared":
        return pkg_config("--libs", "fifomq")
    return [re.sub(r"^-l(fifomq[\w-]*)$", r"-l:lib\1.a", flag) for flag in pkg_config("--libs", "--static", "fifomq")]
