"""``python -m nasgen`` is the command ``nasgen``."""

from nasgen.cli import main

main()
