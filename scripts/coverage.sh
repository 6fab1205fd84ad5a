#!/usr/bin/env bash
# Coverage (lines and branches together) of the whole suite, worker processes included; fails below the floor in pyproject.toml.
# Takes about twice as long as the tests alone. Some 18 tests that count imports, calls or system calls fail
# under coverage; the report follows all the same. Arguments go to pytest: scripts/coverage.sh tests/formats
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-.venv/bin/python}
"$python" -m pytest -q -n "${JOBS:-2}" --cov --cov-report= "$@" || failed=$?
# Fork servers end after pytest has combined what the others measured; files of killed processes are broken.
"$python" -m coverage combine -q --append >/dev/null 2>&1 || true
rm -f .coverage.*
"$python" -m coverage report --skip-covered --skip-empty --sort=cover
exit "${failed:-0}"
