"""The gateway's settings: read once, in `app.py`, from the environment."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key of HS256 has at least the size of the hash; the tenant secret likewise."""

_TENANT_ID = re.compile(r"[!-9;-~]{1,128}")
_API_URL = re.compile(r"https?://[^/?#@\s]+/?")


def _tenant_id(value: str) -> str:
    if not _TENANT_ID.fullmatch(value):
        raise ValueError("must be 1 to 128 visible ASCII characters without a colon")
    return value


def _secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must have at least {MIN_SECRET_BYTES} bytes; `openssl rand -hex 32` makes one")
    return value


def _api_url(value: str) -> str:
    if not _API_URL.fullmatch(value):
        raise ValueError("must be an address such as http://127.0.0.1:8081, without path, query or user")
    return value.rstrip("/")


def _filled(value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise ValueError("is set but empty; give it a value or remove it")
    return value


Secret = Annotated[SecretStr, AfterValidator(_secret)]
MaybeText = Annotated[str | None, AfterValidator(_filled)]


def _shared(name: str) -> AliasChoices:
    """The prefixed name, or the name under which the API reads the same value."""
    return AliasChoices(f"TOOLBRIDGE_{name}", name)


class Settings(BaseSettings):
    """Everything an operator can set. Missing and half settings are errors that name the variable."""

    model_config = SettingsConfigDict(env_prefix="TOOLBRIDGE_", frozen=True, hide_input_in_errors=True)

    tenant_id: Annotated[str, AfterValidator(_tenant_id)] = Field(validation_alias=_shared("TENANT_ID"))
    tenant_header_secret: Secret = Field(validation_alias=_shared("TENANT_HEADER_SECRET"))
    jwt_hs256_secret: Secret = Field(validation_alias=_shared("JWT_HS256_SECRET"))
    jwt_issuer: MaybeText = Field(default=None, validation_alias=_shared("JWT_ISSUER"))
    jwt_audience: MaybeText = Field(default=None, validation_alias=_shared("JWT_AUDIENCE"))
    go_api_base_url: Annotated[str, AfterValidator(_api_url)] = "http://127.0.0.1:8081"
    host: str = Field(default="0.0.0.0", min_length=1)  # noqa: S104  the container publishes this port only
    port: int = Field(default=8001, ge=1, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    api_wait_seconds: float = Field(default=15, ge=0, le=300)
    """How long a start waits for the API before it serves without it (then `/readyz` is 503)."""


def explain(error: ValidationError) -> str:
    """One sentence for each wrong setting; holds the variables' names, never their values."""
    sentences = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(problem["loc"][0]).upper()
        variable = name if name.startswith("TOOLBRIDGE_") else f"TOOLBRIDGE_{name}"
        reason = (
            "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        )
        sentences.append(f"{variable}: {reason}.")
    return "\n".join(sentences)
