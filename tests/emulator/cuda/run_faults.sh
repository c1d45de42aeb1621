#!/usr/bin/env bash
# Runs every planted fault of faults.cu: the report has to name the kernel, block, thread and source
# line, and the correct twin has to run without one.
# Usage: run_faults.sh emulator/run faults.cu build-folder
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
nvcc -std=c++20 -lineinfo -cudart shared $(ptx_for 80 120) "$source" -o "$folder/faults"

failed=0
complain() {
  echo "$1"
  failed=1
}
# Which of two blocks comes first is then always the same.
export LQNET_EMULATED_THREADS=1
export LQNET_EMULATED_LIMIT=1000000
faults=$(sed -n 's|^// EXPECT \([a-z_]*\):.*|\1|p' "$source")
for architecture in 80 120; do
  export LQNET_EMULATED_SM=$architecture
  for fault in $faults; do
    "$run" "$folder/faults" "$fault" correct || complain "$fault: the correct twin failed"
    status=0
    report=$("$run" "$folder/faults" "$fault" fault 2>&1) || status=$?
    echo "$report"
    [ "$status" -eq 99 ] || complain "$fault: exit status $status, expected 99"
    line=$(grep -n "// LINE $fault\$" "$source" | cut -d: -f1)
    [[ $report == *"$(basename "$source"):$line"[!0-9]* ]] || complain "$fault: line $line is not named"
    [[ $report == *": $fault("* ]] || complain "$fault: the kernel is not named"
    # Parts are separated by commas, but for those within parentheses.
    expected=$(sed -n "s|^// EXPECT $fault: ||p" "$source" | sed 's/, \(block\|thread\|and\|by\|out\|of\|at\|64\|which\|with\)/\n\1/g')
    while IFS= read -r part; do
      [[ $report == *"$part"* ]] || complain "$fault: the report lacks '$part'"
    done <<<"$expected"
  done
done
# Where programs read what is unwritten on purpose, that report can be done without.
for fault in unwritten unwritten_shared; do
  LQNET_EMULATED_UNWRITTEN=1 "$run" "$folder/faults" "$fault" fault ||
    complain "$fault: LQNET_EMULATED_UNWRITTEN=1 does not let it pass"
done
exit "$failed"
