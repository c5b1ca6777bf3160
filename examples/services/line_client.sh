#!/bin/sh
# line_client.sh IN OUT LINE...: writes lines into one pipe and reads as many from another. At their other ends is a service, with
# each line a message:
#   epoll_service 'fifo:./in?framing=line' 'fifo:./out?framing=line' &
#   ./line_client.sh in out one two
set -eu
in=$1
out=$2
shift 2
# To write into what is missing would make a file.
[ -p "$in" ] || { echo "line_client.sh: $in is no pipe" >&2; exit 2; }

# A line at a time: up to 4096 bytes are never mixed with what others write. Beside the reading, so that neither waits for the other.
for line in "$@"; do echo "$line"; done >"$in" &
head -n $# <"$out"
wait
