"""Run the whole desk on this machine: python -m demo."""

import sys

# Nothing above or here may need a newer Python, or its own message would be lost.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "Viberdesk needs Python 3.11 or newer; {} is {}.{}. Say which one to use: "
        "make demo PYTHON=python3.12".format(sys.executable, *sys.version_info[:2])
    )

from demo.command import main

if __name__ == "__main__":
    sys.exit(main())
