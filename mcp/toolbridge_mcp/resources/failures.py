"""Failures of resources and prompts, as MCP reports them: not in a result, as for tools, but as errors."""

import logging

from fastmcp.exceptions import FastMCPError, ResourceError, ValidationError

from toolbridge_mcp.errors import Deleted, InvalidArguments, NotFound, Rejected
from toolbridge_mcp.rendering import quoted
from toolbridge_mcp.tools.guarded import CallFailed

MOST_SHOWN = 200
"""Characters of an unknown address that are quoted."""

QUIET = logging.DEBUG
"""`Guarded` has logged the failure already. FastMCP would log it again, with what the client sent."""


def failure(failed: CallFailed, uri: str = "") -> FastMCPError:
    """The error for a call that failed, about the resource `uri` if it was for one. What is the client's
    mistake has the code of invalid parameters, as the SDK's own error for an unknown resource."""
    unknown = uri and isinstance(failed.__cause__, NotFound | Deleted)
    said = f"Resource not found: {quoted(uri, MOST_SHOWN)}. " if unknown else ""
    error = ValidationError if isinstance(failed.__cause__, InvalidArguments | Rejected) else ResourceError
    return error(f"{said}{failed}", log_level=QUIET)


def mistake(text: str) -> FastMCPError:
    """The error for a request that asks for something that cannot be."""
    return ValidationError(text, log_level=QUIET)
