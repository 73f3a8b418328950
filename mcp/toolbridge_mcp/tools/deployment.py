"""What a tool may say about the gateway that it is part of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from toolbridge_mcp.resilience import CallLimits


@dataclass(frozen=True, slots=True)
class Deployment:
    """Its tenant, the limits of its callers, and the toolsets that an address gets which chooses none."""

    tenant: str = ""
    limits: CallLimits | None = None
    toolsets: Sequence[str] = field(default_factory=tuple)


NO_DEPLOYMENT = Deployment()
