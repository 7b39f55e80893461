#!/usr/bin/env bash
# clang-tidy over src/ by .clang-tidy: any finding fails. Needs a configured build/.
# Usage: scripts/tidy.sh [regular expression of paths]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
run-clang-tidy-16 -quiet -p build -j "$(nproc)" "${1:-$PWD/src/.*\.cpp}" 2>/dev/null
