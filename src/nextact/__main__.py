"""``python -m nextact`` and the ``nextact`` command: run the packaged project where a ``conf`` folder is."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the project's own ``run`` command, with the options of ``kedro run``."""
    from kedro.framework.cli.utils import find_run_command
    from kedro.framework.project import configure_project

    configure_project(Path(__file__).parent.name)
    find_run_command(Path(__file__).parent.name)(sys.argv[1:], standalone_mode=True)


if __name__ == "__main__":
    main()
