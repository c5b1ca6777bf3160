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
  fuzz      every fuzzer over its corpus, then a minute each ($FIFOMQ_FUZZ_SECONDS)
  coverage  the tests, and which lines of the core and the fifo transport they run (tests/coverage.py);
            takes long and is no part of CI
END
}

readonly folders=(bridge examples proto tests transport)
jobs=$(nproc)

check_format() {
  find "${folders[@]}" \( -name '*.cpp' -o -name '*.hpp' \) -print0 |
    xargs -0 clang-format --dry-run -Werror
  echo "format: all files are as clang-format writes them"
}

check_tidy() {
  cmake --preset tidy >/dev/null
  # Headers that are generated while building are missing before.
  cmake --build --preset tidy
  /usr/bin/python3 -B tests/tidy.py --jobs "$jobs"
}

run_tests() {
  cmake --preset "$1"
  cmake --build --preset "$1"
  # Many tests wait for each other's processes rather than for a processor.
  local status=0
  ctest --preset "$1" --parallel $((3 * jobs)) || status=$?
  show_left_out "build/$1/Testing/Temporary/LastTest.log"
  return "$status"
}

# ctest shows what failed. What was left out stands in its log, with the reasons.
show_left_out() {
  awk '
    /: Skipped$/ { getline reason; times[reason]++ }
    match($0, /\.\.\. skipped .*/) { times[substr($0, RSTART + 12)]++ }
    END { for (reason in times) printf "left out %d times: %s\n", times[reason], reason }' "$1" | sort
}

# What a fuzzer finds it writes to build/fuzz, and the text that goes with it is shown.
run_fuzzer() {
  local name=${1#fuzz_} found
  found=$(mktemp -d)
  local options=(-max_total_time="${FIFOMQ_FUZZ_SECONDS:-60}" -rss_limit_mb=256 -timeout=25 -verbosity=0
    -print_final_stats=1 -artifact_prefix=build/fuzz/)
  [[ ! -e tests/fuzz/$name.dict ]] || options+=(-dict="tests/fuzz/$name.dict")
  local status=0
  build/fuzz/tests/"$1" "${options[@]}" "$found" "tests/fuzz/corpus/$name" >"$found.log" 2>&1 || status=$?
  if [[ $status -eq 0 ]]; then
    echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$found.log") executions without a finding"
  else
    cat "$found.log"
  fi
  rm -rf "$found" "$found.log"
  return "$status"
}

run_fuzzers() {
  tools/install_dependencies.sh fuzz
  cmake --preset fuzz
  cmake --build --preset fuzz
  ctest --preset fuzz --parallel "$jobs"
  export -f run_fuzzer
  find build/fuzz/tests -maxdepth 1 -name 'fuzz_*' -executable -printf '%f\n' | sort |
    xargs --max-procs="$jobs" -I{} bash -c 'set -euo pipefail; run_fuzzer {}'
}

run_coverage() {
  # The counts of earlier runs would be added to these.
  [[ ! -d build/coverage ]] || find build/coverage -name '*.gcda' -delete
  run_tests coverage
  /usr/bin/python3 -B tests/coverage.py build/coverage
}

run_part() {
  case $1 in
    format) check_format ;;
    tidy) check_tidy ;;
    fuzz) run_fuzzers ;;
    coverage) run_coverage ;;
    *) run_tests "$1" ;;
  esac
}

for part in "$@"; do
  case $part in
    format | tidy | release | dev | tsan | fuzz | coverage) ;;
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
export LSAN_OPTIONS=${LSAN_OPTIONS:-print_suppressions=0:suppressions=$PWD/tests/lsan.supp}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-second_deadlock_stack=1:suppressions=$PWD/tests/tsan.supp}

tools/install_dependencies.sh build test
for part in "${@:-release}"; do
  run_part "$part"
done
