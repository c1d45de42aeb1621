# For scripts that compile CUDA programs: sourced with "$@", it sets `run`, `source` and `folder` from
# emulator/run, the program and the build folder, and leaves the other arguments in `rest`. Without
# nvcc it ends with status 77: there is nothing to test.
set -euo pipefail

run=$1 source=$2 folder=$3
rest=("${@:4}")
command -v nvcc >/dev/null || {
  echo "skipped: no nvcc in PATH"
  exit 77
}
mkdir -p "$folder"

# Options of nvcc that put PTX for these architectures into the program.
ptx_for() { # architectures...
  local architecture
  for architecture in "$@"; do
    echo "-gencode=arch=compute_$architecture,code=compute_$architecture"
  done
}
