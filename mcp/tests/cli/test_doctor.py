"""The doctor: each failure once, with real processes; what it says is what an operator has to do."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from werkzeug.serving import generate_adhoc_ssl_context

from tests.harness.authorization_server import SERVICE, AuthorizationServer, running_authorization_server
from tests.harness.by_hand import signed_tenant
from tests.harness.clients import token
from tests.harness.first_generation import first_generation
from tests.harness.processes import (
    GATEWAY_FOLDER,
    JWT_HS256_SECRET,
    SECRETS,
    TENANT_HEADER_SECRET,
    TENANT_ID,
    Process,
    api_process,
    free_port,
    gateway_process,
    running,
)
from tests.harness.published import TOOLS
from toolbridge_mcp.cli import doctor

OTHER_SECRET = "another-secret-of-at-least-thirty-two-bytes"
CHECKS = 15
"""Without those of a sign-in at the gateway itself."""


class Report(NamedTuple):
    code: int
    lines: list[str]

    def states(self) -> list[str]:
        return [line[:11].rstrip() for line in self.lines]

    @property
    def failure(self) -> str:
        """The one failed line, after which nothing was checked."""
        (found,) = [line for line in self.lines if line.startswith("failed")]
        after = self.lines[self.lines.index(found) + 1 :]
        assert all(line.startswith("not checked") for line in after)
        assert self.code == 1
        return found.removeprefix("failed").strip()


def examine(settings: Mapping[str, str], *arguments: str, **environment: str) -> Report:
    """The doctor as a process, with the settings of a gateway."""
    done = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp", "doctor", *arguments],
        env={"PATH": os.environ["PATH"], "TOOLBRIDGE_ENV_FILE": os.devnull, **settings, **environment},
        cwd=GATEWAY_FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    for secret in (TENANT_HEADER_SECRET, JWT_HS256_SECRET, OTHER_SECRET, SERVICE[1], "eyJ"):
        assert secret not in done.stdout
    return Report(done.returncode, done.stdout.splitlines())


def test_a_good_deployment_passes_every_check(gateway: Process) -> None:
    report = examine(gateway.environment, TOOLBRIDGE_TOKEN=token("ann"))
    assert report.code == 0
    assert len(report.lines) == CHECKS
    assert report.states().count("ok") == CHECKS - 1
    assert report.lines[1] == (
        "ok          age of keys: tenant default of unknown age; token default of unknown age."
    )
    assert report.lines[4].startswith("not checked token service: not in use")
    assert report.lines[-2:] == [
        f"ok          tools over /sse: {len(TOOLS)} tools",
        f"ok          tools over /mcp: {len(TOOLS)} tools",
    ]


def test_without_a_token_it_says_what_was_not_checked(gateway: Process) -> None:
    report = examine(gateway.environment)
    assert report.code == 0
    left_out = [line for line in report.lines if "needs a user's token" in line]
    assert len(left_out) == 4
    assert report.states().count("ok") == 10


def test_a_token_can_be_an_argument(gateway: Process) -> None:
    assert examine(gateway.environment, "--token", token("ann")).code == 0


def test_the_age_of_each_key_is_said_and_old_ones_are_remarked_on(gateway: Process) -> None:
    def made(days: int) -> date:
        return (datetime.now(UTC) - timedelta(days=days)).date()

    keys = {
        "TENANT_HEADER_KEYS": f"k2:{made(89)}:{TENANT_HEADER_SECRET} k1:{made(200)}:{OTHER_SECRET}",
        "JWT_HS256_KEYS": f"t1:{made(90)}:{JWT_HS256_SECRET}",
    }
    kept = {name: value for name, value in gateway.environment.items() if name not in SECRETS}
    report = examine({**kept, "TENANT_ID": TENANT_ID, **keys})
    assert report.lines[1] == (
        "ok          age of keys: tenant k2 89 days, k1 200 days; token t1 90 days. "
        "The tenant key k1 is 200 days old; change it as docs/runbook.md says under Rotating secrets. "
        "The token key t1 is 90 days old; change it as docs/runbook.md says under Rotating secrets."
    )


def test_a_file_with_keys_that_cannot_be_used_is_named(gateway: Process, tmp_path: Path) -> None:
    kept = {name: value for name, value in gateway.environment.items() if name != "TENANT_HEADER_SECRET"}
    report = examine({**kept, "TENANT_HEADER_KEYS_FILE": str(tmp_path / "none")})
    assert report.failure == (
        "settings: TOOLBRIDGE_TENANT_HEADER_KEYS_FILE: cannot be read (No such file or directory)."
    )


def test_each_wrong_or_missing_setting_is_named(gateway: Process) -> None:
    without = {name: value for name, value in gateway.environment.items() if name != "TENANT_ID"}
    report = examine({**without, "TOOLBRIDGE_PORT": "many"})
    assert report.code == 1
    assert report.lines[0] == "failed      settings: TOOLBRIDGE_TENANT_ID: is not set."
    assert report.lines[1].startswith("failed      settings: TOOLBRIDGE_PORT: ")


def test_a_wrong_setting_of_traces_is_named(gateway: Process) -> None:
    wrong = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    report = examine({**gateway.environment, **wrong})
    assert report.code == 1
    assert report.lines[0] == "failed      settings: OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf."


def test_an_api_that_is_down(gateway: Process) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    report = examine({**gateway.environment, "TOOLBRIDGE_GO_API_BASE_URL": nowhere})
    assert report.failure == (
        f"API reachable: nothing answers at {nowhere}; start the API, or correct TOOLBRIDGE_GO_API_BASE_URL."
    )


def test_a_wrong_tenant_secret(gateway: Process) -> None:
    report = examine(
        {**gateway.environment, "TENANT_HEADER_SECRET": OTHER_SECRET}, TOOLBRIDGE_TOKEN=token("ann")
    )
    assert report.failure == (
        "tenant signature accepted: the API refuses the tenant's signature; give gateway and API the same "
        "TENANT_ID and TENANT_HEADER_SECRET."
    )


def test_a_wrong_tenant(gateway: Process) -> None:
    report = examine({**gateway.environment, "TENANT_ID": "another"}, TOOLBRIDGE_TOKEN=token("ann"))
    assert report.failure.startswith("tenant signature accepted: the API refuses the tenant's signature; ")


def test_the_version_of_the_signature_is_told(gateway: Process) -> None:
    for version in ("v1", "v2"):
        report = examine(
            {**gateway.environment, "TOOLBRIDGE_SIGNATURE": version}, TOOLBRIDGE_TOKEN=token("ann")
        )
        assert report.code == 0
        assert (
            f"ok          tenant signature accepted: {TENANT_ID}, by a signature of {version}" in report.lines
        )


def test_a_version_that_the_api_does_not_take(api_binary: Path, tmp_path: Path) -> None:
    with running(api_process(api_binary, tmp_path, TENANT_SIGNATURES="v2")) as api:
        settings = {**gateway_process(api.url, tmp_path).environment, "TOOLBRIDGE_SIGNATURE": "v1"}
        report = examine(settings, TOOLBRIDGE_TOKEN=token("ann"))
    assert report.failure == (
        "tenant signature accepted: The API takes signatures of v2, and this gateway makes v1: set "
        "TOOLBRIDGE_SIGNATURE to auto."
    )


def test_a_key_that_the_api_does_not_have(api_binary: Path, tmp_path: Path) -> None:
    with running(api_process(api_binary, tmp_path)) as api:
        keys = f"k7:2026-01-31:{OTHER_SECRET}"
        settings = gateway_process(api.url, tmp_path, TENANT_HEADER_KEYS=keys).environment
        report = examine(settings, TOOLBRIDGE_TOKEN=token("ann"))
    assert report.failure.startswith(
        "tenant signature accepted: The API does not have the key k7, with which"
    )


class TestFirstGeneration:
    """The same checks in front of an older API."""

    @pytest.fixture
    def start(self, tmp_path: Path) -> Iterator[Callable[..., Mapping[str, str]]]:
        with ExitStack() as stack:

            def start(**settings: str) -> Mapping[str, str]:
                api = stack.enter_context(running(first_generation(tmp_path, **settings)))
                gateway = gateway_process(api.url, tmp_path)
                gateway.ready_path = "/healthz"
                return {**stack.enter_context(running(gateway)).environment, "TOOLBRIDGE_TOKEN": token("ann")}

            yield start

    def test_a_good_deployment_passes_and_says_what_was_not_compared(
        self, start: Callable[..., Mapping[str, str]]
    ) -> None:
        report = examine(start())
        assert report.code == 0
        assert report.states().count("ok") == CHECKS - 1
        assert report.lines[6] == (
            f"ok          tenant signature accepted: {TENANT_ID}, by a signature of v1; "
            "but the API accepts any tenant that this secret signs for"
        )
        assert report.lines[7].endswith(
            "the first generation, which describes nothing: only the names of 5 entities were compared"
        )

    def test_an_item_that_is_too_large_to_read_proves_as_much(
        self, start: Callable[..., Mapping[str, str]]
    ) -> None:
        settings = start()
        api = settings["TOOLBRIDGE_GO_API_BASE_URL"]
        headers = {
            "Authorization": f"Bearer {token('ann')}",
            **signed_tenant(TENANT_HEADER_SECRET, TENANT_ID),
        }
        session = httpx.post(f"{api}/v1/sync/sessions", headers=headers, trust_env=False).json()
        headers |= {"X-Sync-Session": session["id"], "X-Sync-Epoch": "1"}
        body = {"title": "large", "content": "x" * 6_000_000}
        httpx.post(f"{api}/v1/notes", json=body, headers=headers, trust_env=False).raise_for_status()
        assert examine(settings).code == 0

    def test_its_newest_version_passes_too(self, start: Callable[..., Mapping[str, str]]) -> None:
        report = examine(start(NEWEST="yes"))
        assert report.code == 0
        assert report.lines[6].startswith("not checked tenant signature accepted: the API answers to a wrong")

    def test_an_api_that_checks_no_tenant_is_not_called_a_proof(
        self, start: Callable[..., Mapping[str, str]]
    ) -> None:
        report = examine({**start(TENANT_HEADER_SECRET=""), "TENANT_HEADER_SECRET": OTHER_SECRET})
        assert report.code == 0
        assert report.lines[6].startswith(
            "not checked tenant signature accepted: the API answers to a wrong signature as well"
        )

    @pytest.mark.parametrize(
        ("theirs", "ours", "failure"),
        [
            ({}, {"TENANT_HEADER_SECRET": OTHER_SECRET}, "tenant signature accepted: the API refuses the"),
            ({"NEWEST": "yes"}, {"TENANT_ID": "other"}, "tenant signature accepted: the API does not count"),
            ({"CLOCK_SECONDS": "600"}, {}, "clocks of gateway and API: this clock is"),
            ({"CLOCK_SECONDS": "-600"}, {}, "clocks of gateway and API: this clock is"),
            (
                {"JWT_HS256_SECRET": OTHER_SECRET},
                {},
                "token understood by the API: the API refuses the token",
            ),
            (
                {"SESSIONS_PER_SECOND": "0.1", "SESSION_BURST": "0"},
                {},
                "tenant signature accepted: the API an",
            ),
        ],
        ids=["secret", "tenant", "clock behind", "clock ahead", "token", "no sessions"],
    )
    def test_each_failure_is_named(
        self,
        theirs: Mapping[str, str],
        ours: Mapping[str, str],
        failure: str,
        start: Callable[..., Mapping[str, str]],
    ) -> None:
        assert examine({**start(**theirs), **ours}).failure.startswith(failure)


def test_a_token_that_the_api_does_not_understand(gateway: Process) -> None:
    report = examine(gateway.environment, TOOLBRIDGE_TOKEN=token("ann", secret=OTHER_SECRET))
    assert report.failure.startswith("token understood by the API: the API refuses the token; get a new one")
    assert "JWT_HS256_SECRET" in report.failure


def test_a_gateway_whose_token_secret_is_not_the_apis(api: Process, tmp_path: Path) -> None:
    with running(gateway_process(api.url, tmp_path, JWT_HS256_SECRET=OTHER_SECRET)) as gateway:
        report = examine(gateway.environment, TOOLBRIDGE_TOKEN=token("ann"))
    assert report.failure.startswith("tools over /sse: the gateway refuses the token; get a new one")
    assert "lacks exp or sub" in report.failure
    assert "JWT_HS256_SECRET, JWT_HS256_KEYS, JWT_HS256_KEYS_FILE or JWT_JWKS_URL" in report.failure


def test_a_token_without_the_scopes(api: Process, tmp_path: Path) -> None:
    with running(gateway_process(api.url, tmp_path, TOOLBRIDGE_REQUIRE_SCOPES="true")) as gateway:
        report = examine(gateway.environment, TOOLBRIDGE_TOKEN=token("ann"))
    assert "TOOLBRIDGE_SCOPE_READ" in report.failure


def examine_by(seconds: int, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of a doctor whose clock is so far ahead."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return doctor.run(None, None, now=lambda: time.time() + seconds)


@pytest.mark.parametrize(
    ("version", "seconds", "says"),
    [
        ("v1", 400, r"(399|40[01]) s ahead of the API's and 300 s"),
        ("v1", -400, r"(399|40[01]) s behind the API's and 300 s"),
        ("auto", 70, r"(69|7[01]) s ahead of the API's and 60 s"),
        ("v2", -70, r"(69|7[01]) s behind the API's and 60 s"),
    ],
)
def test_a_clock_that_is_off(
    version: str,
    seconds: int,
    says: str,
    gateway: Process,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = {**gateway.environment, "TOOLBRIDGE_SIGNATURE": version}
    code = examine_by(seconds, environment, monkeypatch)
    report = Report(code, capsys.readouterr().out.splitlines())
    assert re.match(f"clocks of gateway and API: this clock is {says} is the most", report.failure)
    assert "NTP" in report.failure


def test_a_clock_that_begins_to_be_off(
    gateway: Process, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examine_by(45, gateway.environment, monkeypatch) == 0
    said = capsys.readouterr().out
    assert re.search(r"clocks of gateway and API: 4[456] s apart; set the clocks by NTP", said)


def test_a_public_url_that_is_not_the_gateways_own(api: Process, tmp_path: Path) -> None:
    public = {"TOOLBRIDGE_PUBLIC_URL": "http://localhost:1/prefix"}
    with running(gateway_process(api.url, tmp_path, **public)) as gateway:
        report = examine(gateway.environment)
        assert report.failure.startswith("gateway reachable: nothing answers at http://localhost:1/prefix")
        report = examine(gateway.environment, "--url", gateway.url)
    assert report.failure == (
        "metadata for clients: the gateway calls itself http://localhost:1/prefix/sse but clients reach it "
        f"at {gateway.url}/sse; set TOOLBRIDGE_PUBLIC_URL={gateway.url} and start it again."
    )


def test_another_server_at_the_public_url(gateway: Process, api: Process) -> None:
    report = examine(gateway.environment, "--url", api.url)
    assert report.failure.startswith("metadata for clients: ")
    with answering({}) as url:
        report = examine(gateway.environment, "--url", url)
    assert report.failure.startswith(f"gateway reachable: {url}/healthz is not the gateway's")


@contextmanager
def answering(answers: Mapping[str, Any], tls: bool = False) -> Iterator[str]:
    """A server that gives JSON for each path, for what the real ones would not say."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path)).encode()
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = generate_adhoc_ssl_context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_certificate_that_nobody_vouches_for(gateway: Process) -> None:
    with answering({"/healthz": "ok"}, tls=True) as url:
        report = examine(gateway.environment, "--url", url)
    assert report.failure.startswith(f"gateway reachable: the certificate of {url} is not valid (self")


def test_plain_http_where_tls_is_expected(gateway: Process) -> None:
    url = gateway.url.replace("http:", "https:")
    assert "does not speak TLS" in examine(gateway.environment, "--url", url).failure


def test_an_api_of_another_version(gateway: Process, api: Process) -> None:
    info = httpx.get(f"{api.url}/v1/sync/info", trust_env=False).json()
    info["entities"]["tasks"]["actions"].pop("complete")
    info["entities"].pop("chats")
    with answering({"/readyz": {}, "/v1/sync/info": info}) as url:
        report = examine({**gateway.environment, "TOOLBRIDGE_GO_API_BASE_URL": url})
    assert report.failure.startswith("contract of gateway and API: tasks: actions here ")
    assert report.failure.endswith("(and 1 more) Deploy gateway and API of one version.")


class TestTokenService:
    """With `exchange` and `client_credentials`, the token that the API gets is the service's."""

    API = "https://api.example"

    @pytest.fixture
    def authority(self) -> Iterator[AuthorizationServer]:
        with running_authorization_server(algorithm="ES256") as server:
            yield server

    @pytest.fixture
    def start(
        self, api_binary: Path, tmp_path: Path, authority: AuthorizationServer
    ) -> Iterator[Callable[..., Process]]:
        with running(api_process(api_binary, tmp_path, **authority.verifiers(self.API))) as api:
            gateways: list[Process] = []

            def start(mode: str, **more: str) -> Process:
                name, secret = SERVICE
                settings = {
                    **authority.verifiers("https://gateway.example"),
                    "TOOLBRIDGE_OUTBOUND_IDENTITY": mode,
                    "TOOLBRIDGE_TOKEN_URL": authority.token_url,
                    "TOOLBRIDGE_CLIENT_ID": name,
                    "TOOLBRIDGE_CLIENT_SECRET": secret,
                    "TOOLBRIDGE_OUTBOUND_AUDIENCE": self.API,
                    **more,
                }
                gateways.append(gateway_process(api.url, tmp_path, **settings))
                gateways[-1].start()
                return gateways[-1]

            yield start
            for gateway in gateways:
                gateway.stop()

    def test_an_exchanged_token(self, start: Callable[..., Process], authority: AuthorizationServer) -> None:
        gateway = start("exchange")
        mine = authority.sign("ann", "https://gateway.example")
        report = examine(gateway.environment, TOOLBRIDGE_TOKEN=mine)
        assert report.states() == ["ok"] * CHECKS
        stale = authority.sign("ann", "https://gateway.example", expires_in=-1)
        assert "refuses the given token" in examine(gateway.environment, TOOLBRIDGE_TOKEN=stale).failure
        wrong = {**gateway.environment, "TOOLBRIDGE_OUTBOUND_AUDIENCE": "https://else.example"}
        assert "the API refuses the token" in examine(wrong, TOOLBRIDGE_TOKEN=mine).failure

    def test_a_service_token(self, start: Callable[..., Process], authority: AuthorizationServer) -> None:
        gateway = start("client_credentials", TOOLBRIDGE_ALL_CALLERS_ACT_AS_ONE_USER="true")
        report = examine(gateway.environment)
        assert report.code == 0
        assert report.states().count("ok") == CHECKS - 2
        wrong = {**gateway.environment, "TOOLBRIDGE_CLIENT_SECRET": OTHER_SECRET}
        assert "TOOLBRIDGE_CLIENT_SECRET" in examine(wrong).failure
        authority.stop()
        assert "correct TOOLBRIDGE_TOKEN_URL" in examine(gateway.environment).failure


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["docter"], "No such command 'docter'"),
        (["doctor", "--url", "http://tools.example"], "must be an address with https"),
        (["doctor", "--url", "tools.example"], "must be an address with https"),
        (["doctor", "--url", "http://[1"], "must be an address with https"),
    ],
)
def test_other_arguments_are_refused(arguments: list[str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolbridge_mcp", *arguments],
        cwd=GATEWAY_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert says in done.stderr


def test_an_api_that_is_frozen(api_binary: Path, tmp_path: Path) -> None:
    with running(api_process(api_binary, tmp_path)) as api:
        settings = {**SECRETS, "TOOLBRIDGE_GO_API_BASE_URL": api.url}
        api.signal(signal.SIGSTOP)
        try:
            report = examine(settings)
        finally:
            api.signal(signal.SIGCONT)
    assert report.failure.startswith(f"API reachable: {api.url} does not answer as the API does")
