#!/usr/bin/env bash
# Makes .venv ready for work. When nothing has changed since the last time, it says nothing and
# takes a few hundredths of a second: the stamp holds a digest of all that the environment rests on.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/../.."
here="$PWD"
stamp=.venv/.setup-stamp
unfinished=.venv/.unfinished

state() {
  {
    echo "$here" # scripts in .venv/bin hold absolute paths: a moved checkout starts anew
    sed -n 's/^version *= *//p' .venv/pyvenv.cfg
    cat pyproject.toml constraints.txt tools/setup/setup.sh
  } | sha256sum
}

# Whether .venv runs, belongs to this place and has the version that PYTHON, if given, asks for. One
# whose installing was killed may hold half a package, at which pip itself stumbles.
usable() {
  [ ! -e "$unfinished" ] && [[ "$(.venv/bin/pip --version 2>/dev/null)" == *" from $here/.venv/"* ]] && right_version
}
right_version() {
  [ -z "${PYTHON:-}" ] ||
    [ "$("$PYTHON" -c 'import platform; print(platform.python_version())')" = \
      "$(sed -n 's/^version *= *//p' .venv/pyvenv.cfg)" ]
}

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(state)" ] && .venv/bin/python -c '' && right_version; then
  exec tools/setup/system.sh --tests
fi

if usable; then
  tools/setup/system.sh --tests
else
  # It would be emptied, whoever else uses it.
  if [ -L .venv ]; then
    echo "setup: .venv is a link to an environment that is not this checkout's: remove the link" >&2
    exit 2
  fi
  python="$(tools/setup/python.sh)"
  tools/setup/system.sh --tests "$python"
  echo "setup: creating .venv with $python"
  "$python" -m venv --clear .venv
fi
echo "setup: installing the pinned packages into .venv (once; minutes on a slow line)"
touch "$unfinished"
quiet=()
[ -t 1 ] || quiet=(--quiet)
.venv/bin/python -m pip install "${quiet[@]}" --disable-pip-version-check \
  -c constraints.txt -e '.[audit,dev]'
rm "$unfinished"
state >"$stamp"
