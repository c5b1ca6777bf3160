#!/usr/bin/env bash
# Installs what is missing of Debian 12's packages, as root or through sudo; does nothing, not even look at the
# network, when all is there.
#
#   tools/install_dependencies.sh GROUP...
#     build    configure and build everything, tests included
#     test     run the tests, check format and style
#     fuzz     build and run the fuzzers
#     package  make the Debian packages, and have them and the systemd units looked at
#     demo     run examples/demo.sh
#     compare  optional: rivals for examples/compare_transports, which is built with those that are there, and its plots
set -euo pipefail

build=(g++ cmake ninja-build pkg-config
  libzmq3-dev cppzmq-dev libnats-dev libisal-dev libcli11-dev libspdlog-dev libtomlplusplus-dev libsystemd-dev nlohmann-json3-dev
  prometheus-cpp-dev
  libprotobuf-dev protobuf-compiler libgtest-dev libgmock-dev)
test=("${build[@]}" clang clang-format clang-tidy curl doxygen git golang-go libasio-dev libbenchmark-dev libfaketime nats-server
  python3 python3-protobuf python3-zmq openssl prometheus strace valgrind zsh)
fuzz=("${build[@]}" clang libclang-rt-14-dev)
package=("${build[@]}" dpkg-dev file lintian man-db systemd)
demo=(protobuf-compiler python3 python3-protobuf python3-zmq)
compare=(libnng-dev libnanomsg-dev libboost-dev gnuplot-nox)

fail() {
  echo "install_dependencies.sh: $*" >&2
  exit 1
}

installed() {
  [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    fuzz) wanted+=("${fuzz[@]}") ;;
    package) wanted+=("${package[@]}") ;;
    demo) wanted+=("${demo[@]}") ;;
    compare) wanted+=("${compare[@]}") ;;
    *) fail "there is no group '$group'; the groups are build, test, fuzz, package, demo and compare" ;;
  esac
done

command -v dpkg-query >/dev/null ||
  fail "this is no Debian; install by hand what these packages of Debian 12 hold: ${wanted[*]}"

missing=()
for package in "${wanted[@]}"; do
  installed "$package" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

as_root=()
if [[ $EUID -ne 0 ]]; then
  command -v sudo >/dev/null ||
    fail "missing: ${missing[*]}; installing needs root, and there is no sudo"
  as_root=(sudo)
fi

apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --assume-yes \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

echo "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A list that cannot be fetched may be one that is not needed; whether all is well shows when installing.
apt_get update >"$log" 2>&1 || true
if ! apt_get install --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
  tail -n 20 "$log" >&2
  fail "could not install ${missing[*]}; is the network there, and is this Debian 12?"
fi
