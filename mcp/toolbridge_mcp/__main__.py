"""`python -m toolbridge_mcp`: the command `toolbridge`, and without arguments `toolbridge serve`."""

import sys

from toolbridge_mcp.cli.main import toolbridge

if __name__ == "__main__":
    toolbridge(sys.argv[1:] or ["serve"], prog_name="toolbridge")
