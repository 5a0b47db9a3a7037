#!/bin/sh
# The demonstration: an invented district, scored, and one of its scores explained.
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

rm -rf "$folder"
mkdir -p "$folder"

show scorehouse simulate --preset district --seed 1 --year "$year" -o "$folder/district"
show_findings scorehouse score "$folder/district/responses.parquet" --package "$folder/district" \
    --year "$year" -o "$folder/scores.parquet"
show scorehouse explain "$folder/scores.parquet" \
    "$("$bin/python" .ci/pick_score.py "$folder/scores.parquet")"

printf '\nThe scores are in %s; what was wrong with the input stands beside them.\n' \
    "$folder/scores.parquet"
