#!/usr/bin/env bash
# Writes constraints.txt: the exact versions that .venv holds now. To move to newer ones, upgrade in
# .venv first (`.venv/bin/pip install -U NAME`), run `make test`, then `make constraints`.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/../.."

pins="$(
  .venv/bin/python -m pip freeze --exclude-editable --disable-pip-version-check |
    # A local version such as torch's +cpu names one index's build; the pin must fit all builds.
    sed -E 's/^([^= ]+==[^+ ]+)\+[^ ]+$/\1/' |
    grep -v -i '^moe-gatekeeper\b' | LC_ALL=C sort -f
)"
if odd="$(grep -v -E '^[A-Za-z0-9._-]+==[A-Za-z0-9.!]+$' <<<"$pins")"; then
  echo "constraints: not installed from an index, so not to be pinned: $odd" >&2
  exit 2
fi
{
  echo "# Exact versions of the packages that development and CI use, on every Python we support."
  echo "# (torch itself pins the CUDA packages it comes with where there is a GPU build.)"
  echo "# Written by \`make constraints\` from what .venv holds; CONTRIBUTING.md says how to upgrade."
  echo "$pins"
} >constraints.txt
