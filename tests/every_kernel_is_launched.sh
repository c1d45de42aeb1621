#!/usr/bin/env bash
# Fails, naming them, if kernels of the build have been launched by no test.
# Usage: every_kernel_is_launched.sh ARCHITECTURE OBJECT_LIST LAUNCH_FILE...
# OBJECT_LIST names the CUDA objects, beside each of which lies what ptxas said of it
# (cmake/record_resources.sh); LAUNCH_FILEs are what LQNET_EMULATED_LAUNCHES has written.
set -euo pipefail
export LC_ALL=C

architecture=$1 objects=$2
shift 2
built=$(while read -r object; do
  [ -z "$object" ] || sed -n "s/.*Compiling entry function '\(.*\)' for '$architecture'.*/\1/p" \
    "$object.resources"
done <"$objects" | sort -u)
[ -n "$built" ] || {
  echo "no kernel for $architecture in the objects of $objects"
  exit 1
}
launched=$(cat "$@" | sed -n 's/^[1-9][0-9]* //p' | sort -u)
idle=$(comm -23 <(echo "$built") <(echo "$launched"))
if [ -n "$idle" ]; then
  echo "kernels that no test has launched on $architecture:"
  echo "$idle" | c++filt
  exit 1
fi
echo "$(echo "$built" | wc -l) kernels, all of them launched"
