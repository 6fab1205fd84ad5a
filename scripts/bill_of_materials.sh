#!/usr/bin/env bash
# Writes a bill of materials (CycloneDX, JSON) of a wheel with all packages that it requires, as pip resolves
# them on this machine: names, versions and licences.
#
#   scripts/bill_of_materials.sh WHEEL FILE.json
set -euo pipefail

wheel=$1 file=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/installed"
python3 -m venv "$folder/tool"
"$folder/installed/bin/pip" install -q "$wheel"
"$folder/installed/bin/pip" uninstall -q -y pip setuptools
"$folder/tool/bin/pip" install -q 'cyclonedx-bom>=7'
"$folder/tool/bin/cyclonedx-py" environment --output-format JSON --output-file "$file" "$folder/installed/bin/python"
