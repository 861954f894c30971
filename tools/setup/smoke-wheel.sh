#!/usr/bin/env bash
# Builds the wheel, installs it into a fresh environment without torch, and uses it there as an
# auditor would: outside the checkout, on stored evidence.
#
#   smoke-wheel.sh [BUNDLE] [POLICY]    defaults: a short audit of the demo, made with .venv's torch,
#                                       and release.yaml of the wheel
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/../.."
root="$PWD"

place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
say() { printf 'smoke: %s\n' "$*"; }

if [ $# -eq 0 ]; then
  say "auditing the demo, in short"
  .venv/bin/gatekeeper audit demo/hardened --suite demo/suite --out "$place/bundle" \
    --max-prompts 40 -k 1 -k 4 --controls 2 --max-new-tokens 12 --batch-rows 512
fi
bundle="$(realpath "${1:-$place/bundle}")"
[ -f "$bundle/evidence.json" ] || { echo "smoke: no evidence in $bundle" >&2 && exit 3; }

say "building the wheel"
PIP_CONSTRAINT="$root/constraints.txt" .venv/bin/python -m build --wheel --outdir "$place" . \
  >"$place/build.log" 2>&1 || { cat "$place/build.log" >&2 && exit 1; }
wheel="$(echo "$place"/*.whl)"
.venv/bin/python tools/setup/wheel_contents.py "$wheel"

say "installing it without torch"
.venv/bin/python -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check -c "$root/constraints.txt" "$wheel"
cd "$place" # away from the checkout, whose packages and pyproject.toml would hide a fault
if "$place/venv/bin/python" -c 'import torch' 2>/dev/null; then
  echo "smoke: torch is installed, so this proves nothing" >&2
  exit 1
fi

gatekeeper="$place/venv/bin/gatekeeper"
policy="${2:-}"
if [ -z "$policy" ]; then
  shipped="$("$place/venv/bin/python" -c \
    'from gatekeeper.bundled import bundled; print(bundled("policies"))')"
  policy="$shipped/release.yaml"
fi
policy="$(cd "$root" && realpath "$policy")"

say "gatekeeper --help"
"$gatekeeper" --help >/dev/null
say "gatekeeper check with $(basename "$policy")"
code=0
"$gatekeeper" check "$bundle" --policy "$policy" || code=$?
# Any verdict will do here; an error will not.
case "$code" in
  0 | 10 | 11) ;;
  *) echo "smoke: check ended with exit code $code" >&2 && exit 1 ;;
esac
say "gatekeeper report"
"$gatekeeper" report "$bundle" --policy "$policy" --out "$place/report" \
  --format pdf --format json --format junit --format markdown
head -c 5 "$place/report/report.pdf" | grep -q '^%PDF-'
say "all well"
