"""Colours that can be read, whatever colour the operator chose (WCAG 2.2, success criteria 1.4.3 and
1.4.11)."""

LEAST_CONTRAST = 4.6
"""Of text and what is behind it. WCAG asks for 4.5; browsers round."""

BLACK, WHITE = "#000000", "#ffffff"
_STEPS = 40


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_on(color: str) -> str:
    """Black or white, whichever can be read better on the colour: one of them always has a contrast of
    4.58."""
    return max(BLACK, WHITE, key=lambda text: contrast(text, color))


def readable(color: str, *backgrounds: str) -> str:
    """The colour, moved towards black or white until it can be read on each of these backgrounds."""
    towards = text_on(backgrounds[0])
    mixed = (_mix(color, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(
        (one for one in mixed if all(contrast(one, back) >= LEAST_CONTRAST for back in backgrounds)), towards
    )


def _mix(color: str, other: str, share: float) -> str:
    parts = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in parts)


def _channels(color: str) -> tuple[int, ...]:
    return tuple(int(color[place : place + 2], 16) for place in (1, 3, 5))


def _luminance(color: str) -> float:
    """Relative luminance, as WCAG defines it."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(color))
    ]
    return sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
