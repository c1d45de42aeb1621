#!/usr/bin/env bash
# Links a program with a library of the toolkit and runs it with the stand-in for that: as it is, and
# with the name of each fault that it lists, which ends with status 99 and one line of that text.
# Exit status 77: nvcc or the library is missing, so there is nothing to test.
# Usage: run_library.sh emulator/run source.cu build-folder library
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
library=${rest[0]}
header=$(sed -n "s/^#include <\($library.*\)>$/\1/p" "$source")
echo "#include <$header>" | nvcc -x cu -E - >/dev/null 2>&1 || {
  echo "skipped: no $header"
  exit 77
}
libraries=("-l$library")
compile 80
"$run" "$program"

faults=$(sed -n 's|^/// EXPECT \([a-z_]*\):.*|\1|p' "$source")
[ "$(wc -w <<<"$faults")" -eq "$(grep -o 'EXPECT [a-z_]*:' "$source" | wc -l)" ] ||
  complain "not every EXPECT begins a line"
for fault in $faults; do
  status=0
  report=$("$run" "$program" "$fault" 2>&1) || status=$?
  echo "$report"
  expected=$(sed -n "s|^/// EXPECT $fault: ||p" "$source")
  if [ "$status" -ne 99 ] || [ "$(wc -l <<<"$report")" -ne 1 ] || [[ $report != *"$expected"* ]]; then
    complain "$fault: status $status, expected 99 and one line with '$expected'"
  fi
done
exit "$failed"
