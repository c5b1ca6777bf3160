#!/usr/bin/env bash
# See usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'END'
Builds and tests; installs what is missing first. Without arguments: release.

  tests/run.sh [PART...]

  format    every C++ file is as clang-format writes it
  tidy      clang-tidy finds nothing in our files
  release   the tests, optimised as it is installed
  dev       the tests, with assertions, AddressSanitizer and UndefinedBehaviorSanitizer
  tsan      the tests, with ThreadSanitizer
END
}

readonly folders=(bridge examples proto tests transport)
jobs=$(nproc)

check_format() {
  find "${folders[@]}" \( -name '*.cpp' -o -name '*.hpp' \) -print0 |
    xargs -0 clang-format --dry-run -Werror
  echo "format: all files are as clang-format writes them"
}

# Our files among those that are compiled; what protoc and CMake wrote stands under build/.
compiled_files() {
  /usr/bin/python3 - "$PWD" <<'END'
import json, pathlib, sys
source = pathlib.Path(sys.argv[1])
files = {pathlib.Path(entry["file"]) for entry in json.load(open(source / "build/release/compile_commands.json"))}
for file in sorted(files):
    if file.is_relative_to(source) and not file.is_relative_to(source / "build"):
        print(file.relative_to(source))
END
}

check_tidy() {
  cmake --preset release >/dev/null
  # Headers that are generated while building are missing before.
  cmake --build --preset release
  local files
  files=$(compiled_files)
  # The lines left out count what is suppressed, mostly in the headers of the system.
  xargs --max-procs="$jobs" --max-args=1 clang-tidy -p build/release --quiet <<<"$files" 2>&1 |
    sed -E '/^[0-9]+ warnings? generated\.$/d'
  echo "tidy: clang-tidy finds nothing in $(wc -l <<<"$files") files"
}

run_tests() {
  cmake --preset "$1"
  cmake --build --preset "$1"
  # Many tests wait for each other's processes rather than for a processor.
  ctest --preset "$1" --parallel $((2 * jobs))
}

run_part() {
  case $1 in
    format) check_format ;;
    tidy) check_tidy ;;
    *) run_tests "$1" ;;
  esac
}

for part in "$@"; do
  case $part in
    format | tidy | release | dev | tsan) ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
done

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp}

tools/install_dependencies.sh build test
for part in "${@:-release}"; do
  run_part "$part"
done
