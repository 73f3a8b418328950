"""Variables that are no settings of ToolBridge change nothing, and stop nothing."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import fastmcp
import httpx
import pytest

from tests.harness.clients import over_sse, token
from tests.harness.processes import GATEWAY_FOLDER, REPOSITORY, SECRETS, Process, gateway_process, running
from tests.harness.published import TOOLS
from toolbridge_mcp import environment
from toolbridge_mcp.supervision.__main__ import of_programs

FOREIGN = {
    "AIOHTTP_NO_EXTENSIONS": "1",
    "FORWARDED_ALLOW_IPS": "*",
    "HTTP_PROXY": "socks5://127.0.0.1:9",
    "MCP_MESSAGE_PATH": "/other/",
    "MCP_SERVER_AUTH": "x",
    "NETRC": "/nowhere",
    "OTEL_PROPAGATORS": "none-such",
    "PROMETHEUS_MULTIPROC_DIR": "/nowhere",
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONIOENCODING": "utf-16",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "UVICORN_PORT": "1",
    "UVICORN_ROOT_PATH": "/other",
    "WEB_CONCURRENCY": "many",
    # These reach the gateway, which does not need them without an identity provider or a collector of traces.
    "OTEL_SDK_DISABLED": "perhaps",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "HTTPS_PROXY": "%%%",
    "NO_PROXY": "[::1],fd00::/8,,*.example",
    "SSL_CERT_DIR": "/nowhere",
    "SSL_CERT_FILE": "/nowhere",
    "no_proxy": "fe80::/10",
}


def other_value(annotation: Any, default: Any) -> str:
    """A value for a setting that is not its default, and may be none that it takes."""
    for kind in (annotation, *get_args(annotation)):
        if get_origin(kind) is Literal:
            return next((str(word) for word in get_args(kind) if word != default), "7")
        if kind is bool:
            return str(not default).lower()
        if kind is int:
            return "7"
    return "/other/"


def settings_of_fastmcp() -> dict[str, str]:
    fields = type(fastmcp.settings).model_fields
    return {
        f"FASTMCP_{name.upper()}": other_value(field.annotation, field.default)
        for name, field in fields.items()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with settings of FastMCP, and a module that stands in the way of FastMCP's."""
    lines = (f"{name}={value}\n" for name, value in settings_of_fastmcp().items())
    (tmp_path / ".env").write_text("".join(lines))
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/fastmcp.py").write_text("raise RuntimeError('the wrong module')\n")
    return tmp_path


def in_folder(folder: Path, api: Process, variables: dict[str, str]) -> Process:
    """The gateway as its command starts it, with `folder` as its working directory."""
    made = gateway_process(api.url, folder, **variables)
    command = [sys.executable, "-m", "toolbridge_mcp", "serve"]
    return Process(command, made.environment, made.port, made.log, folder)


@pytest.mark.anyio
async def test_variables_of_libraries_move_no_endpoint(folder: Path, api: Process, bearer: str) -> None:
    variables = {**settings_of_fastmcp(), **FOREIGN, "PYTHONPATH": str(folder / "modules")}
    with running(in_folder(folder, api, variables)) as gateway:
        async with over_sse(gateway.url, bearer) as tools:
            assert {tool.name for tool in await tools.client.list_tools()} == set(TOOLS)
        assert has_sessions(gateway.url, bearer)
    assert "DeprecationWarning" not in gateway.log.read_text()


def has_sessions(url: str, bearer: str) -> bool:
    """Whether an initialization over Streamable HTTP opens a session."""
    info = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    answer = httpx.post(
        f"{url}/mcp",
        headers={"Authorization": f"Bearer {bearer}", "Accept": "application/json, text/event-stream"},
        json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": info},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return "mcp-session-id" in answer.headers


def test_the_commands_work_with_them_too(folder: Path, api: Process) -> None:
    gateway = gateway_process(api.url, folder)
    variables = {**settings_of_fastmcp(), **FOREIGN, "TOOLBRIDGE_TOKEN": token("ann")}
    with running(gateway):
        done = subprocess.run(
            [sys.executable, "-m", "toolbridge_mcp", "doctor", "--url", gateway.url],
            env={"PATH": "/usr/bin", **gateway.environment, **variables},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_of_the_caller_do_not_stand_in_the_way_of_the_command(tmp_path: Path) -> None:
    for name in ("click", "dotenv", "psutil", "pydantic"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong module')\n")
    done = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp", "--version"],
        env={"PATH": "/usr/bin", "PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "error", "PYTHONINSPECT": ""},
        cwd=GATEWAY_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("toolbridge "), done.stderr


def example_names() -> set[str]:
    text = (REPOSITORY / ".env.example").read_text()
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text, re.MULTILINE))


def test_every_setting_of_the_example_reaches_the_programs() -> None:
    given = dict.fromkeys(example_names(), "x")
    assert environment.cleaned(given).keys() >= given.keys()


def test_what_the_example_says_about_other_variables_is_true() -> None:
    text = (REPOSITORY / ".env.example").read_text()
    listed = text.split("nothing else of the environment than")[1].split("\n\n")[0]
    named = set(re.findall(r"[A-Za-z_]+", listed)) & {*environment.SYSTEM, *environment.OUTSIDE}
    small = {name for name in environment.OUTSIDE if name.islower()}
    assert named | small == environment.SYSTEM | environment.OUTSIDE


def test_the_standard_variables_for_traces_reach_the_programs() -> None:
    given = dict.fromkeys(environment.TRACING, '"x"')
    assert {name: of_programs(given).get(name) for name in given} == dict.fromkeys(given, "x")
    assert {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} <= environment.TRACING


@pytest.mark.parametrize(
    "name",
    [
        "GODEBUG",
        "GOMAXPROCS",
        "OTEL_PROPAGATORS",
        "OTEL_PYTHON_CONTEXT",
        "PGHOST",
        "PGSSLMODE",
        "PGSERVICEFILE",
        "SQLITE_TMPDIR",
        "PYTHONPATH",
    ],
)
def test_the_launcher_passes_nothing_else_on(name: str) -> None:
    made = of_programs({**SECRETS, **FOREIGN, **settings_of_fastmcp(), name: "x"})
    assert name not in made
    assert not [one for one in made if one.startswith("FASTMCP_") and one != "FASTMCP_ENV_FILE"]


@pytest.mark.parametrize(("given", "takes"), [({}, "v2"), ({"TENANT_SIGNATURES": "v1 v2"}, "v1 v2")])
def test_the_api_beside_the_gateway_takes_signatures_of_the_whole_request(
    given: dict[str, str], takes: str
) -> None:
    assert of_programs({**SECRETS, **given})["TENANT_SIGNATURES"] == takes


def test_the_programs_get_settings_without_what_docker_leaves_around_them() -> None:
    secret = f'"{SECRETS["TENANT_HEADER_SECRET"]}"'
    given = {"TOOLBRIDGE_PORT": '"9000"', "API_PORT": " 9001", "ENV": '"dev"', "TENANT_HEADER_SECRET": secret}
    made = of_programs({**given, "TZ": ' "x"'})
    assert (made["TOOLBRIDGE_PORT"], made["API_PORT"]) == ("9000", "9001")
    assert (made["ENV"], made["TENANT_HEADER_SECRET"], made["TZ"]) == ('"dev"', secret, ' "x"')
