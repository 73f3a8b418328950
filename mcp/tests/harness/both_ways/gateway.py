"""`python -m toolbridge_mcp` with its calls recorded, for gateways that another program starts."""

import runpy

from toolbridge_mcp.environment import clean_process, leave_python_variables

if __name__ == "__main__":
    leave_python_variables()
    clean_process()
    from tests.harness.both_ways import recording
    from tests.harness.log_search import gateway

    recording.record()
    gateway.note()
    runpy.run_module("toolbridge_mcp", run_name="__main__", alter_sys=True)
