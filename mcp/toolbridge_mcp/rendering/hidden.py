"""Characters that nobody sees, shown as escapes: a model reads them, so whoever looks on should too.

Ordinary uses stay as they are: joiners and selectors in emoji, joiners in the scripts that need them, a
variation selector behind an ideograph. One of these directly behind another is no such use, so that no
message can be hidden in a row of them.
"""

import json
import re

LOOKED_AT = 8
"""So many characters are looked at for each that may be shown, because white space is joined."""

_SURROGATES = "".join(map(chr, (0xD800, ord("-"), 0xDFFF)))
_EMOJI = (
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff"
    r"\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_JOINING = (
    r"\u0600-\u061b\u061d-\u07ff\u0840-\u086f\u08a0-\u0dff\u0f00-\u109f\u1780-\u17b3\u17b6-\u180a\u1820-\u18af"
    r"\ua840-\ua87f\ua8e0-\ua8ff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010fff\U00011000-\U000110bc"
    r"\U000110ce-\U00011fff\U0001e900-\U0001e95f"
)
"""Scripts in which a joiner or non-joiner changes what is read: Arabic, Syriac, those of India and others."""

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff\u1950-\u19df"
"""Scripts without spaces, in which a zero-width space shows where a line may end."""

_IDEOGRAPHS = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

_BASIC = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    rf"\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff{_SURROGATES}"
)
_CHARACTERS = (
    rf"{_BASIC}\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
)
"""Controls, format characters, fillers, selectors, tags and halves of characters."""

_SUSPECTS = rf"{_BASIC}\U000110bd-\U0001d17a\U000e0000-\U000e0fff"
"""All of these, and others that are rare. Characters above U+FFFF are looked up range by range, so the fewer
ranges there are, the faster is the look at every text that is not ASCII."""

_ORDINARY = "|".join(
    (
        r"\r(?=\n)",
        rf"(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])",
        rf"(?<=[{_EMOJI}])[\ufe0e\ufe0f]",
        r"(?<=[0-9#*])\ufe0f(?=\u20e3)",
        rf"(?<=[{_JOINING}])[\u200c\u200d]",
        rf"(?<=[{_UNSPACED}])\u200b(?=[{_UNSPACED}])",
        rf"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe0f\U000e0100-\U000e01ef]",
        r"(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]",
    )
)
_FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
"""England, Scotland and Wales: the only emoji that are written with tag characters."""

_SUSPECT = re.compile(f"[{_SUSPECTS}]")
_HIDDEN = re.compile(f"(?=[{_SUSPECTS}\U0001f3f4])(?:(?:{_FLAGS})|(?!{_ORDINARY})([{_CHARACTERS}]))")
"""It looks at the surroundings of suspects alone."""

_PLAIN = b"\n\t" + bytes(range(0x20, 0x7F))
_SHORT = 64
"""Up to this length, the first look is faster than the second."""

_JOINERS = "\u200b\u200c\u200d"


def has_hidden(text: str) -> bool:
    """Whether `visible` would change the text."""
    return _is_suspect(text) and any(found[1] for found in _HIDDEN.finditer(text))


def visible(text: str) -> str:
    r"""The text with every hidden character as an escape, such as `\u202e` or `\U000e0041`.

    Line breaks and tabs stay. The same string is returned if there is nothing to show.
    """
    return _HIDDEN.sub(_escaped, text) if _is_suspect(text) else text


def one_line(text: str, most: int) -> str:
    """The beginning of a text in one line of at most `most` characters: visible, white space joined, and `…`
    where something is cut off. It looks at no more of the text than it needs."""
    part = text[: most * LOOKED_AT]
    line = " ".join(visible(part).split())
    if len(line) <= most and len(part) == len(text):
        return line
    return f"{line[: most - 1].rstrip().rstrip(_JOINERS)}…"


def _escaped(found: re.Match[str]) -> str:
    character = found[1]
    if not character:
        return found[0]
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible_json(text: str) -> str:
    r"""A JSON text with every hidden character as an escape of JSON, such as `\u202e`: it means the same."""
    return _HIDDEN.sub(_escaped_in_json, text) if _is_suspect(text) else text


def _is_suspect(text: str) -> bool:
    """Whether the text has a character that is hidden in most places."""
    if not text.isascii():
        return _SUSPECT.search(text) is not None
    if len(text) <= _SHORT and text.isprintable():
        return False
    return bool(text.encode().translate(None, _PLAIN))


def _escaped_in_json(found: re.Match[str]) -> str:
    return json.dumps(found[1])[1:-1] if found[1] else found[0]
