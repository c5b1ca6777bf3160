#!/usr/bin/env bash
# See usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'END'
Shows the bridge at work on real input: installs what is missing, builds, and runs three writers, two
bridges and a subscriber for a few seconds. Ends with a summary of what was sent and what was received,
and with status 0 only if these are the same.

  examples/demo.sh [--no-build] [--seconds N | --forever]

  --no-build    nothing is installed or built
  --seconds N   how long the writers write (default: 12)
  --forever     they write until Ctrl-C
END
}

build=yes
arguments=()
for argument in "$@"; do
  case $argument in
    -h | --help)
      usage
      exit 0
      ;;
    --no-build) build=no ;;
    *) arguments+=("$argument") ;;
  esac
done

if [[ $build == yes ]]; then
  tools/install_dependencies.sh build demo
  cmake --preset release
  cmake --build --preset release --target fifomq_program host_readings
fi
exec /usr/bin/python3 -B examples/demo/run_demo.py "${arguments[@]}"
