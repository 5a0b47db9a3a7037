"""The command line: parse, ask, print."""

from scorehouse.cli import compiled

compiled.find_cache_folder()  # before any command brings in what is compiled
