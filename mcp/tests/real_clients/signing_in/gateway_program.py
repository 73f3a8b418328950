"""`python -m toolbridge_mcp` as these tests need it: its access tokens may be good for a minute, so that
clients refresh them within a test, and metadata documents of clients may be on this machine."""

import runpy

from fastmcp.server.auth import ssrf

from toolbridge_mcp.settings import Settings

if __name__ == "__main__":
    Settings.model_fields["login_access_seconds"].metadata.clear()
    Settings.model_rebuild(force=True)
    ssrf.is_ip_allowed = lambda ip_str: True  # noqa: ARG005
    runpy.run_module("toolbridge_mcp", run_name="__main__", alter_sys=True)
