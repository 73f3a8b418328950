"""`python -m toolbridge_mcp`: the command `toolbridge`, and without arguments `toolbridge serve`."""

import sys

from toolbridge_mcp.environment import leave_python_variables


def main() -> None:
    """The command `toolbridge`, out of reach of the caller's PYTHONPATH and the like."""
    leave_python_variables()
    from toolbridge_mcp.cli.main import toolbridge

    toolbridge(prog_name="toolbridge")


if __name__ == "__main__":
    sys.argv[1:] = sys.argv[1:] or ["serve"]
    main()
