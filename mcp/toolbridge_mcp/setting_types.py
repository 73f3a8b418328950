"""The types of the settings: each has a rule, and the words for it in the settings' document."""

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Literal, NamedTuple, TypeGuard
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from toolbridge_mcp.environment import is_quoted
from toolbridge_mcp.keyring import MIN_SECRET_BYTES, WrongKeys, parse

_TENANT_ID = re.compile(r"[!-9;-~]{1,128}")
_API_URL = re.compile(r"https?://[^/?#@\s]+/?")
_LOOPBACK = r"(localhost|127(\.\d+){3}|\[::1\])"
_SAFE_URL = re.compile(rf"(https://[^/?#@\s]+|http://{_LOOPBACK}(:\d+)?)(/[^?#\s]*)?")
"""RFC 9728 and RFC 8414 require https; plain http is allowed on this machine only."""

_SAFE_URL_RULE = "must be an https address without user, query and fragment (http only on this machine)"
_SCOPE = re.compile(r"[!#-\[\]-~]{1,255}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_PARAMETER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OWN_PARAMETERS = frozenset(
    {
        *{"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri"},
        *{"request", "request_uri", "response_mode", "response_type", "scope", "state"},
    }
)
"""What the gateway says at a sign-in itself."""

_RATE = re.compile(r"([1-9][0-9]{0,8}):([1-9][0-9]{0,8})")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_ORIGIN = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://({_HOST.pattern})(:(?P<port>[0-9]{{1,5}}))?")


def _tenant_id(value: str) -> str:
    if not _TENANT_ID.fullmatch(value):
        raise ValueError("must be 1 to 128 visible ASCII characters without a colon")
    return value


def _secret(value: SecretStr) -> SecretStr:
    _bare_secret(value)
    if len(value.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must have at least {MIN_SECRET_BYTES} bytes; `openssl rand -hex 32` makes one")
    return value


def _keys(value: SecretStr | None) -> SecretStr | None:
    try:
        if value is not None:
            parse(value.get_secret_value())
    except WrongKeys as error:
        raise ValueError(str(error)) from None
    return value


def _whole_path(value: str | None) -> str | None:
    if value is not None and not value.startswith("/"):
        raise ValueError(
            "must be a whole path that begins with /, as both programs read it from folders of their own"
        )
    return value


def is_api_url(value: str) -> bool:
    return _API_URL.fullmatch(value) is not None


def _api_url(value: str) -> str:
    _filled(value)
    if not is_api_url(value):
        raise ValueError("must be an address such as http://127.0.0.1:8081, without path, query or user")
    return value.rstrip("/")


def _filled(value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise ValueError("is set but empty; give it a value or remove it")
    return value


def _filled_secret(value: SecretStr | None) -> SecretStr | None:
    _filled(None if value is None else value.get_secret_value())
    return value if value is None else _bare_secret(value)


def _bare_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text != text.strip() or is_quoted(text):
        raise ValueError("has spaces or quotes around it, which docker --env-file keeps; remove them")
    return value


def _color(value: str) -> str:
    if not _COLOR.fullmatch(value):
        raise ValueError("must be # and six hexadecimal digits, such as #1f5fbf")
    return value.lower()


def _header(value: str | None) -> str | None:
    if value is not None and not _HEADER.fullmatch(value):
        raise ValueError("must be the name of a header, such as Fly-Client-IP")
    return value


def _lowered(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _level(value: object) -> object:
    """The API's word for the level is accepted too."""
    return "warning" if _lowered(value) == "warn" else _lowered(value)


ANY_CASE = BeforeValidator(_lowered)
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_level)]


def is_safe_url(value: str | None) -> TypeGuard[str]:
    return value is not None and _SAFE_URL.fullmatch(value) is not None


def _safe_url(value: str | None) -> str | None:
    if value is not None and not is_safe_url(value):
        raise ValueError(_SAFE_URL_RULE)
    return value


def _public_url(value: str | None) -> str | None:
    if value is not None and not value.isascii():
        raise ValueError("must be in ASCII, as browsers send it: write an international name as xn--...")
    return value and value.rstrip("/")


def _time_zone(value: str | None) -> str | None:
    try:
        return value and ZoneInfo(value).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("must be a name of the IANA database, such as Europe/Berlin or UTC") from None


def _scope(value: str | None) -> str | None:
    """One scope-token of RFC 6749, section 3.3."""
    if value is not None and not _SCOPE.fullmatch(value):
        raise ValueError("must be one word of visible ASCII without quotes or backslash")
    return value


def _words(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("is set but empty; give it a value or remove it")
        return tuple(value.replace(",", " ").split())
    return value


def _parameters(values: tuple[str, ...]) -> tuple[str, ...]:
    """`name=value` each. What the sign-in itself says is not for an operator to change."""
    names = [value.partition("=")[0] for value in values]
    if any("=" not in value for value in values) or not all(map(_PARAMETER.fullmatch, names)):
        raise ValueError("must be words name=value, such as access_type=offline")
    if ours := sorted(set(names) & _OWN_PARAMETERS):
        raise ValueError(f"names {ours[0]}, which the gateway sets itself")
    return values


def _each(pattern: re.Pattern[str], rule: str) -> AfterValidator:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(pattern.fullmatch(value) for value in values):
            raise ValueError(rule)
        return values

    return AfterValidator(check)


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    if "null" in values:
        raise ValueError("must not name null, which every sandboxed page and every local file sends")
    for value in values:
        found = _ORIGIN.fullmatch(value)
        if not found or not 0 < int(found["port"] or 1) < 65536:
            raise ValueError(
                "must name origins in full, such as https://app.example or chrome-extension://abcdefgh, "
                "each with scheme and host and without a path"
            )
    return values


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        for value in values:
            ip_network(value)
    except ValueError as error:
        raise ValueError("must name addresses or networks, such as 127.0.0.1 or 172.16.0.0/16") from error
    return values


class Rate(NamedTuple):
    """A token bucket: `per_minute` calls a minute, and `burst` calls at once."""

    per_minute: int
    burst: int


def _rate(value: object) -> object:
    """The API's own limits have the same form."""
    if not isinstance(value, str) or value.lower() == "off":
        return None if isinstance(value, str) else value
    found = _RATE.fullmatch(value)
    if not found:
        raise ValueError("is neither off nor a rate; use per-minute:burst, such as 60000:2000")
    return Rate(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Kind:
    """How the type of a setting is written in `docs/gateway-settings.md`."""

    words: str


_URL_KIND = Kind("https address; http only on this machine")
_SECRET_KIND = Kind(f"secret of at least {MIN_SECRET_BYTES} bytes")

MaybeSecret = Annotated[
    SecretStr | None,
    AfterValidator(lambda value: value if value is None else _secret(value)),
    _SECRET_KIND,
]
MaybeKeys = Annotated[SecretStr | None, AfterValidator(_keys), Kind("list of keys")]
MaybeText = Annotated[str | None, AfterValidator(_filled), Kind("text")]
MaybeHeader = Annotated[MaybeText, AfterValidator(_header), Kind("name of a header")]
MaybeGivenSecret = Annotated[SecretStr | None, AfterValidator(_filled_secret), Kind("secret")]
"""A secret that another service made, which also decides how long it is."""

MaybePath = Annotated[MaybeText, AfterValidator(_whole_path), Kind("path of a file, from / on")]
MaybeUrl = Annotated[MaybeText, AfterValidator(_safe_url), _URL_KIND]
TimeZone = Annotated[MaybeText, AfterValidator(_time_zone), Kind("IANA name of a time zone")]
LoginName = Annotated[str, Field(max_length=60), AfterValidator(_filled), Kind("text, at most 60 characters")]
Color = Annotated[str, AfterValidator(_color), Kind("`#` and six hexadecimal digits")]
PublicUrl = Annotated[MaybeUrl, AfterValidator(_public_url)]
MaybeRate = Annotated[
    Rate | None, NoDecode, BeforeValidator(_rate), Kind("`per-minute:burst`, or `off` for no limit")
]
Scope = Annotated[str, AfterValidator(_scope), Kind("one word")]
MaybeScope = Annotated[MaybeText, AfterValidator(_scope), Kind("one word")]
TenantId = Annotated[
    str, AfterValidator(_tenant_id), Kind("1 to 128 visible ASCII characters without a colon")
]
ApiUrl = Annotated[str, AfterValidator(_api_url), Kind("http or https address without a path")]

Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words), Kind("words")]
"""The words of one variable, separated by spaces or commas."""

Parameters = Annotated[Words, AfterValidator(_parameters), Kind("words `name=value`")]
Urls = Annotated[Words, _each(_SAFE_URL, _SAFE_URL_RULE), Kind("https addresses; http only on this machine")]
Hosts = Annotated[
    Words, _each(_HOST, "must name hosts without port, such as tools.example"), Kind("hosts without port")
]
Origins = Annotated[
    Words,
    AfterValidator(_origins),
    Kind("origins, such as `https://app.example` or `chrome-extension://abcdefgh`"),
]
Networks = Annotated[Words, AfterValidator(_networks), Kind("addresses or networks, such as `172.16.0.0/16`")]
