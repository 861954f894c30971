#!/usr/bin/env bash
# Installs this checkout with its pinned dependencies for use, not for work on it:
#
#   install.sh VENV [EXTRAS]    e.g. install.sh /opt/gatekeeper audit
#
# Without the extra `audit` there is no torch: enough to check, report and verify.
set -euo pipefail
venv="$(realpath -m "$1")"
extras="${2:-}"
cd -P "$(dirname "${BASH_SOURCE[0]}")/../.."

python="$(tools/setup/python.sh)"
tools/setup/system.sh "$python"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt \
  ".${extras:+[$extras]}"
