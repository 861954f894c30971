#!/usr/bin/env bash
# Installs the system packages that are missing, and nothing if none is: the libraries WeasyPrint
# draws PDFs with, and what the arguments ask for:
#
#   system.sh [--tests] [PYTHON]    --tests  poppler-utils: the tests read PDFs with it
#                                   PYTHON   venv for this Python
#
# Without root or password-free sudo it prints the line to run and exits 3.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin" # where ldconfig is, for ordinary users of Debian
missing=()
if [ "${1:-}" = --tests ]; then
  shift
  command -v pdftotext >/dev/null || missing+=(poppler-utils)
fi
python="${1:-}"

if command -v ldconfig >/dev/null; then
  libraries="$(ldconfig -p)"
  for pair in libpango-1.0.so.0=libpango-1.0-0 libpangoft2-1.0.so.0=libpangoft2-1.0-0 \
    libharfbuzz-subset.so.0=libharfbuzz-subset0; do
    [[ "$libraries" == *"${pair%%=*}"* ]] || missing+=("${pair#*=}")
  done
else
  echo "setup: no ldconfig here; PDFs need pango and harfbuzz-subset" >&2
fi
if [ -n "$python" ] && ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  missing+=("python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv")
fi
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo "setup: system packages are missing, and installing them needs root. Run this, then try again:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y ${missing[*]}" >&2
  exit 3
fi

install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
}
echo "setup: installing ${missing[*]}"
# Fresh images ship without package lists; old lists name packages the mirror has dropped.
if ! compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null || ! install; then
  "${as_root[@]}" apt-get update
  install
fi
