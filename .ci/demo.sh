#!/bin/sh
# The demonstration: an invented district, scored, and one of its scores explained.
# Safe to run again: it makes the folder afresh.
set -eu
bin=$1
folder=$2
year=$3

rm -rf "$folder"
mkdir -p "$folder"

show() {
    printf '\n$ %s\n' "$*"
    command=$1
    shift
    "$bin/$command" "$@"
}

show scorehouse simulate --preset district --seed 1 --year "$year" -o "$folder/district"
