"""``python -m nasgen`` is the command ``nasgen``."""

from nasgen.cli.app import main

main()
