"""`python -m toolbridge_mcp.supervision`: the container's first process."""

import os
import sys
from pathlib import Path

from toolbridge_mcp.supervision.launcher import Launcher


def main() -> int:
    """Runs supervisord until it ends. Returns 0 after a requested stop, 1 when something failed."""
    configuration = Path(os.environ["TOOLBRIDGE_HOME"], "supervisord.conf")
    return Launcher(["supervisord", "-c", str(configuration)], sys.stdout.buffer).run()


if __name__ == "__main__":
    sys.exit(main())
