#!/usr/bin/env bash
# Lines of the numeric core, tests apart: the layers, graphs, passes, statistics and updates on one side,
# the CPU kernels on the other. `bash bench/core_size.sh` prints both.
set -euo pipefail
cd "$(dirname "$0")/.."

# A file up to its first unit tests.
lines() { awk 'FNR == 1 { tests = 0 } /^#\[cfg\(test\)\]/ { tests = 1 } !tests' "$@" | wc -l; }

mapfile -t kernels < <(find crates/perennial-nn/src/cpu -name '*.rs' ! -path '*/tests*')
mapfile -t layers < <(find crates/perennial-nn/src -name '*.rs' ! -path '*/cpu/*' ! -path '*/check*' ! -path '*/tests*')
rest=(crates/perennial/src/{engine,model,growth,network}.rs crates/perennial/src/engine/*.rs)
for file in crates/perennial/src/{descent,optimizer}.rs; do
    [ -f "$file" ] && rest+=("$file")
done

echo "kernels: $(lines "${kernels[@]}")"
echo "layers, graphs, passes, statistics, parameters, updates: $(lines "${layers[@]}" "${rest[@]}")"
echo "the longest layers:"
for file in crates/perennial-nn/src/layer/*.rs; do
    echo "  $(lines "$file") ${file##*/}"
done | sort -rn | head -5
