"""Checks of the keys, as the settings name them."""

from toolbridge_mcp.cli.doctor.visit import NotChecked, Visit
from toolbridge_mcp.rings import Rings
from toolbridge_mcp.settings import WrongSetting


async def ages(visit: Visit) -> str:
    try:
        rings = Rings.of(visit.settings)
    except WrongSetting as error:
        raise NotChecked(error.sentence) from None  # a running gateway knows earlier keys
    now = visit.now()
    return " ".join([f"{rings.described(now)}.", *rings.warnings(now)])
