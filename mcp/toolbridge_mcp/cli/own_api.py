"""`python -m toolbridge_mcp.cli.own_api`: whether `toolbridge up` starts an API, so that it must be built."""

import os
import sys

from toolbridge_mcp.cli import settings_file
from toolbridge_mcp.environment import has_own_api


def main() -> int:
    """Returns 0 if the settings name no other API."""
    settings_file.load()
    return 0 if has_own_api(os.environ) else 1


if __name__ == "__main__":
    sys.exit(main())
