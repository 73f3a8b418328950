"""Settings: a missing or wrong setting is an error that names the variable and never shows its value."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from tests.harness.processes import GATEWAY_FOLDER, SECRETS
from toolbridge_mcp.setting_types import Rate
from toolbridge_mcp.settings import Settings, explain, from_environment


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_the_names_that_the_api_reads_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SECRETS)
    settings = Settings()
    assert settings.tenant_id == SECRETS["TENANT_ID"]
    assert (settings.host, settings.port) == ("0.0.0.0", 8001)
    assert settings.go_api_base_url == "http://127.0.0.1:8081"


def test_the_prefixed_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SECRETS, TOOLBRIDGE_TENANT_ID="other", TOOLBRIDGE_PORT="9000")
    settings = Settings()
    assert (settings.tenant_id, settings.port) == ("other", 9000)


@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_setting_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **{other: value for other, value in SECRETS.items() if other != name})
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert explain(caught.value).startswith(f"TOOLBRIDGE_{name}: is not set")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("TENANT_HEADER_SECRET", "short-secret", "at least 32 bytes"),
        ("JWT_HS256_SECRET", "", "at least 32 bytes"),
        ("TENANT_HEADER_KEYS_FILE", "keys/tenant", "a whole path"),
        ("TENANT_ID", "", "visible ASCII"),
        ("TENANT_ID", "a:b", "without a colon"),
        ("TENANT_ID", "a\nb", "visible ASCII"),
        ("JWT_ISSUER", "", "set but empty"),
        ("JWT_AUDIENCE", " ", "set but empty"),
        ("TOOLBRIDGE_GO_API_BASE_URL", "", "set but empty"),
        ("TOOLBRIDGE_GO_API_BASE_URL", "127.0.0.1:8081", "must be an address"),
        ("TOOLBRIDGE_GO_API_BASE_URL", "http://u:p@h/", "must be an address"),
        ("TOOLBRIDGE_SCOPE_READ", "two words", "one word"),
        ("TOOLBRIDGE_SCOPE_WRITE", "read", "must differ from"),
        ("TOOLBRIDGE_ADVERTISED_SCOPE_READ", "", "set but empty"),
        ("TOOLBRIDGE_ADVERTISED_SCOPE_READ", "api://app/read openid", "one word"),
        ("TOOLBRIDGE_ADVERTISED_SCOPE_WRITE", 'api://"app"/write', "one word"),
        ("TOOLBRIDGE_READ_ONLY", "perhaps", "valid boolean"),
        ("TOOLBRIDGE_TOOLS", "", "set but empty"),
        ("TOOLBRIDGE_PUBLIC_URL", "http://tools.example", "must be an https address"),
        ("TOOLBRIDGE_PUBLIC_URL", "https://user:word@tools.example", "must be an https address"),
        ("TOOLBRIDGE_PUBLIC_URL", "https://tools.example/?a=b", "must be an https address"),
        ("TOOLBRIDGE_PUBLIC_URL", "https://büro.example", "xn--"),
        ("TOOLBRIDGE_AUTHORIZATION_SERVERS", "id.example", "must be an https address"),
        ("TOOLBRIDGE_ALLOWED_HOSTS", "https://tools.example", "must name hosts"),
        ("TOOLBRIDGE_ALLOWED_HOSTS", "*", "must name hosts"),
        ("TOOLBRIDGE_ALLOWED_HOSTS", "tools.example:443", "must name hosts"),
        ("TOOLBRIDGE_ALLOWED_HOSTS", "täols.example", "must name hosts"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "app.example", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "*", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "https://*.example", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "https://app.example/", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "https://user@app.example", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "https://app.example:65536", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "https://app.example:", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "https://äpp.example", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "app://", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "file:///", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "1app://x", "must name origins"),
        ("TOOLBRIDGE_ALLOWED_ORIGINS", "https://app.example null", "must not name null"),
        ("TOOLBRIDGE_TRUSTED_PROXIES", "proxy.example", "must name addresses or networks"),
        ("TOOLBRIDGE_CLIENT_ADDRESS_HEADER", "Fly-Client-IP:", "must be the name of a header"),
        ("TOOLBRIDGE_CLIENT_ADDRESS_HEADER", "Fly-Client-IP", "no proxy is named"),
        ("TOOLBRIDGE_MAX_SESSIONS", "0", "greater than or equal to 1"),
        ("TOOLBRIDGE_PORT", "0", "greater than or equal to 1"),
        ("TOOLBRIDGE_PORT", "http", "valid integer"),
        ("TOOLBRIDGE_HOST", "", "at least 1 character"),
        ("TOOLBRIDGE_CALL_SECONDS", "0", "greater than 0"),
        ("TOOLBRIDGE_MAX_CALLS", "0", "greater than or equal to 1"),
        ("TOOLBRIDGE_MAX_CALLS_PER_USER", "many", "valid integer"),
        ("TOOLBRIDGE_RATE_LIMIT", "", "neither off nor a rate"),
        ("TOOLBRIDGE_RATE_LIMIT", "0:1", "neither off nor a rate"),
        ("TOOLBRIDGE_RATE_LIMIT", "600", "neither off nor a rate"),
        ("TOOLBRIDGE_METRICS_PORT", "http", "valid integer"),
        ("TOOLBRIDGE_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_setting_is_named_with_the_reason(
    variable: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **{**SECRETS, variable: value})
    with pytest.raises(ValidationError) as caught:
        Settings()
    text = explain(caught.value)
    assert text.startswith(f"TOOLBRIDGE_{variable.removeprefix('TOOLBRIDGE_')}: ")
    assert reason in text
    assert "short-secret" not in text


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "JWT_ISSUER: is not set; JWT_JWKS_URL needs it."),
        ({"JWT_ISSUER": "https://id.example"}, "JWT_AUDIENCE: is not set; JWT_JWKS_URL needs it."),
    ],
)
def test_a_key_set_comes_with_issuer_and_audience(
    variables: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = {name: value for name, value in SECRETS.items() if name != "JWT_HS256_SECRET"}
    given(monkeypatch, **tenant, JWT_JWKS_URL="https://id.example/keys", **variables)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert explain(caught.value) == f"TOOLBRIDGE_{says}"


TOKEN_SERVICE = {
    "TOOLBRIDGE_TOKEN_URL": "https://id.example/token",
    "TOOLBRIDGE_CLIENT_ID": "gateway",
    "TOOLBRIDGE_CLIENT_SECRET": "of-the-client",
}
EXCHANGE = {"TOOLBRIDGE_OUTBOUND_IDENTITY": "exchange", **TOKEN_SERVICE}
SERVICE = {
    "TOOLBRIDGE_OUTBOUND_IDENTITY": "client_credentials",
    "TOOLBRIDGE_ALL_CALLERS_ACT_AS_ONE_USER": "true",
    **TOKEN_SERVICE,
}


@pytest.mark.parametrize("mode", [{}, EXCHANGE, SERVICE], ids=["forward", "exchange", "client_credentials"])
def test_each_outbound_identity_starts_with_its_own_settings(
    mode: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **SECRETS, **mode)
    assert Settings().outbound_identity == mode.get("TOOLBRIDGE_OUTBOUND_IDENTITY", "forward")


@pytest.mark.parametrize("mode", [EXCHANGE, SERVICE], ids=["exchange", "client_credentials"])
def test_an_outbound_identity_needs_each_of_its_settings(
    mode: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for missing in mode.keys() - {"TOOLBRIDGE_OUTBOUND_IDENTITY"}:
        with monkeypatch.context() as patch:
            given(patch, **SECRETS, **{name: value for name, value in mode.items() if name != missing})
            with pytest.raises(ValidationError) as caught:
                Settings()
        chosen = mode["TOOLBRIDGE_OUTBOUND_IDENTITY"]
        expected = f"{missing}: is not set; TOOLBRIDGE_OUTBOUND_IDENTITY={chosen} needs it."
        assert explain(caught.value) == expected


@pytest.mark.parametrize(
    ("mode", "variable", "value"),
    [
        ({}, "TOKEN_URL", "https://id.example/token"),
        ({}, "CLIENT_ID", "gateway"),
        ({}, "CLIENT_SECRET", "of-the-client"),
        ({}, "CLIENT_AUTHENTICATION", "client_secret_post"),
        ({}, "OUTBOUND_AUDIENCE", "https://api.example"),
        ({}, "OUTBOUND_SCOPE", "read"),
        ({}, "OUTBOUND_RESOURCE", "https://api.example"),
        ({}, "ALL_CALLERS_ACT_AS_ONE_USER", "false"),
        (EXCHANGE, "ALL_CALLERS_ACT_AS_ONE_USER", "true"),
    ],
)
def test_a_setting_of_another_outbound_identity_stops_the_start(
    mode: dict[str, str], variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **SECRETS, **mode, **{f"TOOLBRIDGE_{variable}": value})
    with pytest.raises(ValidationError) as caught:
        Settings()
    text = explain(caught.value)
    assert text.startswith(f"TOOLBRIDGE_{variable}: is set, but TOOLBRIDGE_OUTBOUND_IDENTITY=")
    assert value not in text


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("OUTBOUND_IDENTITY", "forwards", "'forward', 'exchange' or 'client_credentials'"),
        ("TOKEN_URL", "http://id.example/token", "must be an https address"),
        ("TOKEN_URL", "id.example/token", "must be an https address"),
        ("TOKEN_URL", "https://user:pass@id.example/token", "must be an https address"),
        ("TOKEN_URL", "", "set but empty"),
        ("CLIENT_ID", " ", "set but empty"),
        ("CLIENT_SECRET", "", "set but empty"),
        ("OUTBOUND_AUDIENCE", "", "set but empty"),
        ("CLIENT_AUTHENTICATION", "none", "'client_secret_basic' or 'client_secret_post'"),
        ("ALL_CALLERS_ACT_AS_ONE_USER", "false", "must be true"),
        ("ALL_CALLERS_ACT_AS_ONE_USER", "", "valid boolean"),
    ],
)
def test_a_wrong_outbound_setting_is_named(
    variable: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **{**SECRETS, **SERVICE, f"TOOLBRIDGE_{variable}": value})
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert explain(caught.value).startswith(f"TOOLBRIDGE_{variable}: ")
    assert reason in explain(caught.value)


def test_a_token_service_on_this_machine_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("localhost", "127.0.0.1", "[::1]"):
        given(monkeypatch, **{**SECRETS, **EXCHANGE, "TOOLBRIDGE_TOKEN_URL": f"http://{host}:8080/token"})
        assert Settings().token_url == f"http://{host}:8080/token"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TOOLS": "notes get_notes"}, "TOOLS: names get_notes, which is neither a tool, a toolset nor the"),
        ({"TOOLSETS": "crud,wrok"}, "TOOLSETS: names wrok, which is none of work, crud, chatgpt."),
        ({"TOOLSETS": ""}, "TOOLSETS: is set but empty"),
        ({"TOOLSETS": "work", "TOOLS": "notes"}, "TOOLSETS: has no tool that TOOLBRIDGE_TOOLS and"),
        ({"TOOLS": "create_note", "READ_ONLY": "true"}, "TOOLSETS: has no tool that TOOLBRIDGE_TOOLS and"),
    ],
)
def test_a_choice_of_tools_that_cannot_be_made_stops_the_start(settings: dict[str, str], says: str) -> None:
    done = started(**{f"TOOLBRIDGE_{name}": value for name, value in settings.items()})
    assert done.returncode == 2
    assert f"TOOLBRIDGE_{says}" in done.stderr


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("READ_ONYL", "READ_ONLY"), ("ALLOWED_HOST", "ALLOWED_HOSTS"), ("JWT_JWKS_URI", "JWT_JWKS_URL")],
)
def test_a_misspelled_name_stops_the_start(slip: str, meant: str) -> None:
    done = started(**{f"TOOLBRIDGE_{slip}": "true"})
    assert done.returncode == 2
    assert f"TOOLBRIDGE_{slip}: is no setting, but TOOLBRIDGE_{meant} is" in done.stderr


def test_variables_of_other_programs_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SECRETS, TOOLBRIDGE_HOME="/", TOOLBRIDGE_TOKEN="x", TOOLBRIDGE_DATA_DIR="/")
    assert from_environment().tenant_id == SECRETS["TENANT_ID"]


def started(**variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp"],
        env={**SECRETS, **variables},
        cwd=GATEWAY_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_process_does_not_start_and_says_why() -> None:
    done = started(TENANT_HEADER_SECRET="short-secret")
    assert done.returncode == 2
    assert "TOOLBRIDGE_TENANT_HEADER_SECRET: must have at least 32 bytes" in done.stderr
    assert "short-secret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SECRETS)
    shown = repr(Settings())
    assert SECRETS["TENANT_HEADER_SECRET"] not in shown
    assert SECRETS["JWT_HS256_SECRET"] not in shown


@pytest.mark.parametrize(("given_rate", "rate"), [("600:20", (600, 20)), ("off", None)])
def test_a_rate_limit_is_two_numbers_or_off(
    given_rate: str, rate: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **SECRETS, TOOLBRIDGE_RATE_LIMIT=given_rate)
    assert Settings().rate_limit == rate


EMBEDDED = {
    "TENANT_ID": SECRETS["TENANT_ID"],
    "TENANT_HEADER_SECRET": SECRETS["TENANT_HEADER_SECRET"],
    "TOOLBRIDGE_LOGIN": "embedded",
}


def test_a_login_of_its_own_needs_no_secret_for_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **EMBEDDED, TOOLBRIDGE_PUBLIC_URL="https://tenant.example/")
    settings = Settings()
    assert settings.issuer_url == "https://tenant.example"
    assert settings.issuers == ("https://tenant.example",)
    assert settings.provider_issuers == ()


@pytest.mark.parametrize(
    ("host", "issuer"), [("127.0.0.1", "http://127.0.0.1:8001"), ("localhost", "http://localhost:8001")]
)
def test_a_login_for_this_machine_needs_no_public_address(
    host: str, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **EMBEDDED, TOOLBRIDGE_HOST=host)
    assert Settings().issuers == (issuer,)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "TOOLBRIDGE_PUBLIC_URL: is not set"),
        ({"TOOLBRIDGE_HOST": "192.0.2.1"}, "TOOLBRIDGE_PUBLIC_URL: is not set"),
        (
            {"TOOLBRIDGE_AUTHORIZATION_SERVERS": "https://id.example"},
            "TOOLBRIDGE_AUTHORIZATION_SERVERS: is set",
        ),
        (
            {"JWT_JWKS_URL": "https://id.example/keys", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"},
            "TOOLBRIDGE_JWT_JWKS_URL: is set",
        ),
        ({"TOOLBRIDGE_SIGNATURE": "v1"}, "TOOLBRIDGE_SIGNATURE: is v1"),
        ({**SERVICE}, "TOOLBRIDGE_OUTBOUND_IDENTITY: must be forward"),
        ({"TOOLBRIDGE_LOGIN_COLOR": "red"}, "TOOLBRIDGE_LOGIN_COLOR: must be #"),
        ({"TOOLBRIDGE_LOGIN_NAME": " "}, "TOOLBRIDGE_LOGIN_NAME: is set but empty"),
        ({"TOOLBRIDGE_LOGIN_ACCESS_SECONDS": "60"}, "TOOLBRIDGE_LOGIN_ACCESS_SECONDS: "),
        ({"TOOLBRIDGE_LOGIN": "own"}, "TOOLBRIDGE_LOGIN: "),
    ],
)
def test_what_a_login_of_its_own_cannot_do_stops_the_start(
    more: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = {} if "PUBLIC_URL" in says else {"TOOLBRIDGE_PUBLIC_URL": "https://tenant.example"}
    given(monkeypatch, **EMBEDDED, **public)
    given(monkeypatch, **more)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert explain(caught.value).startswith(says)


PROXY = {
    "TENANT_ID": SECRETS["TENANT_ID"],
    "TENANT_HEADER_SECRET": SECRETS["TENANT_HEADER_SECRET"],
    "JWT_JWKS_URL": "https://id.example/keys",
    "JWT_ISSUER": "https://id.example",
    "JWT_AUDIENCE": "https://api.example",
    "TOOLBRIDGE_PUBLIC_URL": "https://tenant.example",
    "TOOLBRIDGE_LOGIN": "proxy",
    "TOOLBRIDGE_PROXY_CONFIG_URL": "https://id.example/.well-known/openid-configuration",
    "TOOLBRIDGE_PROXY_CLIENT_ID": "the gateway",
    "TOOLBRIDGE_PROXY_CLIENT_SECRET": "a secret",
    "TOOLBRIDGE_PROXY_FOLDER": "/data/sign-in",
}


def test_a_gateway_in_front_of_a_provider_is_the_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **PROXY, TOOLBRIDGE_PROXY_AUTHORIZE_PARAMETERS="access_type=offline prompt=consent")
    settings = Settings()
    assert settings.issuers == ("https://tenant.example",)
    assert settings.proxy_authorize_parameters == ("access_type=offline", "prompt=consent")


@pytest.mark.parametrize(
    "name",
    [
        *("TOOLBRIDGE_PROXY_CONFIG_URL", "TOOLBRIDGE_PROXY_CLIENT_ID", "TOOLBRIDGE_PROXY_CLIENT_SECRET"),
        *("TOOLBRIDGE_PROXY_FOLDER", "TOOLBRIDGE_PUBLIC_URL", "JWT_JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE"),
    ],
)
def test_a_gateway_in_front_of_a_provider_needs_its_settings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"JWT_HS256_SECRET": SECRETS["JWT_HS256_SECRET"]} if name == "JWT_JWKS_URL" else {}
    given(monkeypatch, **{one: value for one, value in PROXY.items() if one != name}, **more)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert explain(caught.value).startswith(f"TOOLBRIDGE_{name.removeprefix('TOOLBRIDGE_')}: is not set; ")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"TOOLBRIDGE_LOGIN": "provider"}, "TOOLBRIDGE_PROXY_CONFIG_URL: is set, but TOOLBRIDGE_LOGIN"),
        ({"TOOLBRIDGE_PROXY_TOKEN": "any"}, "TOOLBRIDGE_PROXY_TOKEN: "),
        ({"TOOLBRIDGE_PROXY_CLIENT_AUTHENTICATION": "none"}, "TOOLBRIDGE_PROXY_CLIENT_AUTHENTICATION: "),
        (
            {"TOOLBRIDGE_PROXY_AUTHORIZE_PARAMETERS": "prompt"},
            "TOOLBRIDGE_PROXY_AUTHORIZE_PARAMETERS: must be words name=value",
        ),
        (
            {"TOOLBRIDGE_PROXY_AUTHORIZE_PARAMETERS": "state=1"},
            "TOOLBRIDGE_PROXY_AUTHORIZE_PARAMETERS: names state",
        ),
        ({"TOOLBRIDGE_PROXY_FOLDER": "sign-in"}, "TOOLBRIDGE_PROXY_FOLDER: must be a whole path"),
        (
            {"TOOLBRIDGE_PROXY_CONFIG_URL": "http://id.example"},
            "TOOLBRIDGE_PROXY_CONFIG_URL: must be an https",
        ),
        ({"TOOLBRIDGE_PROXY_CLIENT_SECRET": " "}, "TOOLBRIDGE_PROXY_CLIENT_SECRET: is set but empty"),
    ],
)
def test_what_a_gateway_in_front_of_a_provider_cannot_do_stops_the_start(
    more: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, **PROXY)
    given(monkeypatch, **more)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert explain(caught.value).startswith(says)


def test_the_folder_may_be_named_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SECRETS, TOOLBRIDGE_PROXY_FOLDER="/data/sign-in")
    assert Settings().proxy_folder == "/data/sign-in"


def test_an_address_for_metrics_needs_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SECRETS, TOOLBRIDGE_METRICS_HOST="::")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert explain(caught.value) == ("TOOLBRIDGE_METRICS_PORT: is not set; TOOLBRIDGE_METRICS_HOST needs it.")


@pytest.mark.parametrize(
    ("variable", "value", "meant"),
    [
        ("TOOLBRIDGE_LOG_LEVEL", "INFO", "info"),
        ("TOOLBRIDGE_LOG_LEVEL", "Warn", "warning"),
        ("TOOLBRIDGE_LOG_LEVEL", ' "DEBUG" ', "debug"),
        ("TOOLBRIDGE_OUTBOUND_IDENTITY", "Forward", "forward"),
        ("TOOLBRIDGE_READ_ONLY", "TRUE", True),
        ("TOOLBRIDGE_READ_ONLY", " yes\r", True),
        ("TOOLBRIDGE_READ_ONLY", "'Off'", False),
        ("TOOLBRIDGE_REQUIRE_SCOPES", "On", True),
        ("TOOLBRIDGE_RATE_LIMIT", "OFF", None),
        ("TOOLBRIDGE_RATE_LIMIT", '"60:5"', Rate(60, 5)),
        ("TOOLBRIDGE_PORT", ' "9000"', 9000),
        ("TOOLBRIDGE_CALL_SECONDS", "'2.5' ", 2.5),
        ("TOOLBRIDGE_TOOLS", '"notes, tasks"', ("notes", "tasks")),
        ("TOOLBRIDGE_HOST", '"::"', "::"),
        ("TENANT_ID", ' "acme"\r', "acme"),
        ("JWT_AUDIENCE", '"a b"', ("a", "b")),
        ("TOOLBRIDGE_PUBLIC_URL", ' "https://tools.example/" ', "https://tools.example"),
        ("TOOLBRIDGE_GO_API_BASE_URL", "'http://127.0.0.1:1'", "http://127.0.0.1:1"),
    ],
)
def test_a_setting_is_read_as_it_was_meant(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, meant: object
) -> None:
    given(monkeypatch, **{**SECRETS, variable: value})
    field = variable.removeprefix("TOOLBRIDGE_").lower()
    assert getattr(Settings(), field) == meant


@pytest.mark.parametrize("name", ["TENANT_HEADER_SECRET", "JWT_HS256_SECRET"])
@pytest.mark.parametrize("value", ["{}\n", " {}", '"{}"', "'{}'"])
def test_a_secret_with_something_around_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    given(monkeypatch, **{**SECRETS, name: value.format(SECRETS[name])})
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "has spaces or quotes around it, which docker --env-file keeps" in explain(caught.value)
    assert SECRETS[name] not in explain(caught.value)


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC"])
def test_a_time_zone_has_a_name_of_the_iana_database(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **SECRETS, TOOLBRIDGE_TIMEZONE=name)
    assert Settings().timezone == name


@pytest.mark.parametrize("name", ["Berlin", "+01:00", "../UTC", "Europe", "x" * 5000, ""])
def test_another_name_of_a_time_zone_stops_the_start(name: str) -> None:
    done = started(TOOLBRIDGE_TIMEZONE=name)
    assert done.returncode != 0
    assert "TOOLBRIDGE_TIMEZONE: " in done.stderr
