#!/bin/sh
# The demonstration: an invented district over two years, scored, one score explained; then kept
# in a warehouse, reported, and its schools' Dashboard colors computed and explained.
# Safe to run again: it makes the folder afresh.
set -eu
bin=$1
folder=$2
year=$3

show() {
    printf '\n$ %s\n' "$*"
    command=$1
    shift
    "$bin/$command" "$@"
}

# Exit code 1 says that something was left out, which is part of the demonstration:
# the simulator invents unfinished tests too.
show_findings() {
    code=0
    show "$@" || code=$?
    [ "$code" -le 1 ] || exit "$code"
}

quietly() {
    printf '\n$ %s\n' "$*"
    command=$1
    shift
    code=0
    "$bin/$command" "$@" >"$folder/quiet.txt" 2>&1 || code=$?
    [ "$code" -le 1 ] || { cat "$folder/quiet.txt"; exit "$code"; }
}

rm -rf "$folder"
mkdir -p "$folder"
start=${year%-*}
before=$((start - 1))-$(printf '%02d' $((start % 100)))
dashboard=$((start + 1))
warehouse=$folder/warehouse

show scorehouse simulate --preset district --seed 1 --year "$year" -o "$folder/district"
show_findings scorehouse score "$folder/district/responses.parquet" --package "$folder/district" \
    --year "$year" -o "$folder/scores.parquet"
show scorehouse explain "$folder/scores.parquet" \
    "$("$bin/python" .ci/pick_score.py "$folder/scores.parquet")"

# The year before, with other students, so that there is a Change.
quietly scorehouse simulate --preset district --seed 2 --year "$before" -o "$folder/before"
quietly scorehouse score "$folder/before/responses.parquet" --package "$folder/before" \
    --year "$before" -o "$folder/before.parquet"
quietly scorehouse init "$warehouse"
quietly scorehouse load -w "$warehouse" "$folder/before" "$folder/before.parquet" \
    "$folder/district" "$folder/scores.parquet"
district=$("$bin/python" .ci/pick_district.py "$folder/district/entities.parquet")
show_findings scorehouse report aggregate -w "$warehouse" --entity "$district" --year "$year" \
    --demographics current --profile public --by economic --grade 05 --html "$folder/report"
show_findings scorehouse indicator compute -w "$warehouse" --dashboard "$dashboard"
show_findings scorehouse indicator explain "$district" -w "$warehouse" --dashboard "$dashboard"
quietly scorehouse indicator show -w "$warehouse" --dashboard "$dashboard" \
    --html "$folder/indicator"

printf '\nScores: %s. Pages to open in a browser: %s, %s.\n' \
    "$folder/scores.parquet" "$folder/report" "$folder/indicator/index.html"
