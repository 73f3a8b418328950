"""Checks of the keys, as the settings name them."""

from toolbridge_mcp.cli.doctor.visit import Failed, Visit
from toolbridge_mcp.keyrings import Keyrings
from toolbridge_mcp.settings import WrongSetting


async def ages(visit: Visit) -> str:
    try:
        rings = Keyrings.of(visit.settings)
    except WrongSetting as error:
        raise Failed(error.sentence) from None
    now = visit.now()
    return " ".join([f"{rings.described(now)}.", *rings.warnings(now)])
