#!/usr/bin/env bash
# Checks that every C++ and CUDA source is formatted by .clang-format; with --fix, formats it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=(--dry-run -Werror)
[ "${1-}" = --fix ] && mode=(-i)
git ls-files -z --cached --others --exclude-standard '*.hpp' '*.cpp' '*.cu' '*.cuh' |
    xargs -0 clang-format-16 "${mode[@]}"
