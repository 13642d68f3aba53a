"""Fill the database with content from files: `python seed.py [DIR]`, or the demo content without DIR.

The database has to be migrated (`cms migrate`). A second run changes nothing. Exits 1 if a file was refused.
"""

import sys
from pathlib import Path

import typer

from cms.cli import apply_directory


def main(arguments: list[str]) -> int:
    """Apply the folder that the arguments name.

    :returns: the exit code.
    """
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        sys.stderr.write("Usage: python seed.py [DIR]\n")
        return 2
    try:
        return apply_directory(Path(arguments[0]) if arguments else None)
    except typer.Exit as stop:  # it has said why
        return stop.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
