# For scripts that compile CUDA programs: sourced with "$@", it sets `run`, `source` and `folder` from
# emulator/run, the program and the build folder, and leaves the other arguments in `rest`. Without
# nvcc it ends with status 77: there is nothing to test.
set -euo pipefail

libraries=() # options of nvcc that link some
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

# Compiles the source with PTX for these architectures; `program` is then the path of the result.
compile() { # architectures...
  program=$folder/$(basename "$source" .cu)
  nvcc -std=c++20 -lineinfo -cudart shared $(ptx_for "$@") "$source" -o "$program" \
    ${libraries[@]+"${libraries[@]}"}
}

# Says what is wrong; all checks having been made, the script ends with `exit "$failed"`.
failed=0
complain() {
  echo "$1"
  failed=1
}
