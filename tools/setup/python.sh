#!/usr/bin/env bash
# Prints the path of the Python that the environment is made from: $PYTHON if given, else the first
# of the usual names that really runs and is new enough (a pyenv shim may exist and fail).
set -euo pipefail

probe='import sys; sys.exit(1) if sys.version_info < (3, 11) else print(sys.executable)'

if [ -n "${PYTHON:-}" ]; then
  "$PYTHON" -c "$probe" 2>/dev/null && exit 0
  echo "setup: PYTHON=$PYTHON does not run, or is older than Python 3.11" >&2
  exit 3
fi
for name in python3.11 python3.12 python3.13 python3; do
  if command -v "$name" >/dev/null && "$name" -c "$probe" 2>/dev/null; then
    exit 0
  fi
done
echo "setup: no Python 3.11 or newer found → sudo apt-get install -y python3 python3-venv" >&2
exit 3
