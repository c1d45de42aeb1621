#!/usr/bin/env bash
# Runs every planted fault of a program like faults.cu: the report has to name the kernel, block,
# thread and source line, and the correct twin has to run without one.
# Usage: run_faults.sh emulator/run faults.cu build-folder [architectures...]
source "$(dirname "${BASH_SOURCE[0]}")/with_nvcc.sh" "$@"
[ ${#rest[@]} -gt 0 ] || rest=(80 120)
compile "${rest[@]}"

# Which of two blocks comes first is then always the same.
export LQNET_EMULATED_THREADS=1
export LQNET_EMULATED_LIMIT=1000000
faults=$(sed -n 's|^// EXPECT \([a-z_]*\):.*|\1|p' "$source")
for architecture in "${rest[@]}"; do
  export LQNET_EMULATED_SM=${architecture%a}
  for fault in $faults; do
    "$run" "$program" "$fault" correct || complain "$fault: the correct twin failed"
    status=0
    report=$("$run" "$program" "$fault" fault 2>&1) || status=$?
    echo "$report"
    [ "$status" -eq 99 ] || complain "$fault: exit status $status, expected 99"
    line=$(grep -n "// LINE $fault\$" "$source" | cut -d: -f1)
    [[ $report == *"$(basename "$source"):$line"[!0-9]* ]] || complain "$fault: line $line is not named"
    [[ $report == *": $fault("* ]] || complain "$fault: the kernel is not named"
    # What is expected goes on to the end of the comment, in parts between bars.
    expected=$(sed -n "\|^// EXPECT $fault: |,\|^__global__|{s|^// EXPECT $fault: ||;s|^// ||;/^__global__/!p}" "$source" |
      tr '\n' ' ' | sed 's/ | /\n/g')
    while IFS= read -r part; do
      part=${part%% }
      [[ $report == *"$part"* ]] || complain "$fault: the report lacks '$part'"
    done <<<"$expected"
  done
done
# Where programs read what is unwritten on purpose, that report can be done without.
for fault in $(grep -x 'unwritten\|unwritten_shared' <<<"$faults"); do
  LQNET_EMULATED_UNWRITTEN=1 "$run" "$program" "$fault" fault ||
    complain "$fault: LQNET_EMULATED_UNWRITTEN=1 does not let it pass"
done
exit "$failed"
