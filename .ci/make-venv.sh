#!/bin/sh
# Make a virtual environment with the first Python 3.11 or newer on this machine.
set -eu
folder=$1

for candidate in python3.13 python3.12 python3.11 python3 python; do
    # Run it: a version manager may offer a command that then refuses to start.
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        if command -v uv >/dev/null 2>&1; then
            exec uv venv --quiet --python "$("$candidate" -c 'import sys; print(sys.executable)')" \
                "$folder"
        fi
        if "$candidate" -m venv "$folder"; then
            exit 0
        fi
        rm -rf "$folder"
        echo "$candidate can't make a virtual environment;" >&2
        echo "on Debian and Ubuntu, install the package python3-venv and try again" >&2
        exit 1
    fi
done

echo "Scorehouse needs Python 3.11 or newer, and none was found." >&2
echo "Install one (its command may be python3.13, python3.12, python3.11 or python3)" >&2
echo "and run make again." >&2
exit 1
