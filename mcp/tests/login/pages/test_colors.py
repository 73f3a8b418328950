"""Whatever colour an operator chooses, everything on the pages can be read."""

import random
import re

import pytest

from toolbridge_mcp.login.pages.colors import contrast, readable, text_on
from toolbridge_mcp.login.pages.style import style

GREYS = [f"#{value:02x}{value:02x}{value:02x}" for value in range(256)]
PURE = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff", "#ff00ff", "#767676", "#777777"]
SOME = [f"#{number:06x}" for number in random.Random(7).sample(range(1 << 24), 300)]
LEAST = 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#777777") == 1
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#ff0000", "#ffffff") == contrast("#ffffff", "#ff0000") == pytest.approx(4.0, abs=0.005)


def values(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{6})", css))


@pytest.mark.parametrize("colors", [GREYS, PURE, SOME], ids=["greys", "pure", "some"])
def test_text_on_the_colour_and_in_it_can_be_read_in_light_and_dark(colors: list[str]) -> None:
    for color in colors:
        light, dark = style(color).text.split("@media (prefers-color-scheme:dark)")[:2]
        assert contrast(text_on(color), color) >= LEAST
        for scheme in (values(light), values(dark[: dark.index("}}")])):
            for back in (scheme["back"], scheme["card"]):
                for name in ("text", "soft", "accent", "bad"):
                    assert contrast(scheme[name], back) >= LEAST, (color, name)
                for name in ("edge", "warn", "good"):
                    assert contrast(scheme[name], back) >= 3, (color, name)


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert readable("#0b5cad", "#ffffff", "#f4f6f8") == "#0b5cad"
    assert readable("#ffee00", "#14171a") == "#ffee00"
    assert readable("#ffee00", "#ffffff") != "#ffee00"
