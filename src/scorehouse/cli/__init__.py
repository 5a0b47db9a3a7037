"""The command line: parse, ask, print."""

from scorehouse.cli.compiled import find_cache_folder

find_cache_folder()  # before any command brings in what is compiled
