#!/usr/bin/env bash
# Installs what lqnet needs from the distribution (Debian or Ubuntu); does nothing when it is all
# there. Arguments: further packages.
set -euo pipefail

packages=(
  build-essential cmake ninja-build ccache
  libdnnl-dev libfmt-dev nlohmann-json3-dev libcli11-dev zlib1g-dev libzstd-dev libjpeg-dev libpng-dev
  libgtest-dev
  dataset-fashion-mnist
  "$@"
)

missing=()
for package in "${packages[@]}"; do
  if ! dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
    missing+=("$package")
  fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "install_dependencies: no apt-get here; install the equivalents of: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "install_dependencies: run as root, or install: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "Installing: ${missing[*]}"
"${as_root[@]}" apt-get update -q >/dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
