#!/usr/bin/env bash
# Launcher of the CUDA compiler: what ptxas -v tells of each kernel goes into OBJECT.resources
# instead of onto the screen. docs/cuda-resources.md is made from these files (tests/resources).
set -uo pipefail

object=
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
[ -n "$object" ] || exec "$@"

messages=$(mktemp)
trap 'rm -f "$messages"' EXIT
"$@" 2>"$messages"
status=$?
is_of_ptxas='^ptxas info |^    [0-9]+ bytes stack frame, '
grep -E "$is_of_ptxas" "$messages" >"$object.resources"
grep -vE "$is_of_ptxas" "$messages" >&2
exit $status
