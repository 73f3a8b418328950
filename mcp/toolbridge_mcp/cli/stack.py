"""The stack of this machine, as the settings describe it: the API and the gateway on one data folder, or the
gateway alone in front of an API that runs already."""

import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from toolbridge_mcp.cli.checkout import HOME, is_checkout
from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.key_files import data_folder
from toolbridge_mcp.environment import API_URL, START_API, has_own_api, tidy
from toolbridge_mcp.listening import is_loopback, local_url
from toolbridge_mcp.uses import TOKEN

LOGIN = "TOOLBRIDGE_LOGIN"
ELSEWHERE = TOKEN.every_instead | {
    *{API_URL, "TENANT_SIGNATURES", "TOOLBRIDGE_SIGNATURE", "TOOLBRIDGE_AUTHORIZATION_SERVERS"},
    "TOOLBRIDGE_OUTBOUND_IDENTITY",
}
"""Settings that say that users sign in elsewhere, or with which nobody could sign in here."""

STATE = HOME / ".toolbridge"
"""What the scripts build and what a stack stores, unless a setting says otherwise."""


@dataclass(frozen=True)
class Stack:
    """Where the programs listen and where their files are. Two stacks run side by side when all differ."""

    data: Path
    host: str
    port: int
    api_port: int
    private_host: str
    private_port: int
    """The operator's page and the metrics are there."""

    given_api: str | None
    """The address of an API that runs already; None if the stack has its own."""

    login: str
    """Where users sign in, as TOOLBRIDGE_LOGIN says. Without that, here, if nothing speaks against it."""

    @classmethod
    def from_environment(cls) -> Self:
        """Raises `WrongUsage` for a port that is not one."""
        host = os.environ.get("TOOLBRIDGE_HOST") or "127.0.0.1"
        stack = cls(
            data=data_folder(os.environ),
            host=host,
            port=_port("TOOLBRIDGE_PORT", "8001"),
            api_port=_port("API_PORT", "8081"),
            private_host=os.environ.get("TOOLBRIDGE_METRICS_HOST") or "127.0.0.1",
            private_port=_port("TOOLBRIDGE_METRICS_PORT", "9091"),
            given_api=os.environ.get(API_URL),
            login=tidy(LOGIN, os.environ.get(LOGIN, "")).lower() or _usual_login(host),
        )
        if stack.given_api is None and stack.port == stack.api_port:
            raise WrongUsage("TOOLBRIDGE_PORT and API_PORT are the same; gateway and API need a port each.")
        if stack.private_port in stack.taken:
            raise WrongUsage(
                "TOOLBRIDGE_METRICS_PORT is another port's, too; the operator's page needs its own."
            )
        return stack

    @property
    def taken(self) -> set[int]:
        """The ports of gateway and API."""
        return {self.port} if self.given_api else {self.port, self.api_port}

    @property
    def log(self) -> Path:
        return self.data / "toolbridge.log"

    @property
    def lock(self) -> Path:
        return self.data / "supervisord.lock"

    @property
    def pidfile(self) -> Path:
        return self.data / "supervisord.pid"

    @property
    def url(self) -> str:
        """The gateway's address for a client on this machine."""
        return local_url(self.host, self.port)

    @property
    def page(self) -> str:
        """The address of the operator's page for a browser on this machine."""
        return f"{local_url(self.private_host, self.private_port)}/"

    @property
    def signs_in(self) -> bool:
        """Whether clients can sign in at the gateway itself."""
        return self.login in {"embedded", "proxy"}

    @property
    def keeps_users(self) -> bool:
        """Whether the accounts are in the stack's own API."""
        return self.login == "embedded" and self.given_api is None

    @property
    def _database(self) -> str:
        return os.environ.get("DATABASE_URL") or f"sqlite://{self.data}/toolbridge.db"

    def environment(self) -> Mapping[str, str]:
        """What supervisord.conf and both programs need in addition to this process's environment."""
        return {
            "TOOLBRIDGE_DATA_DIR": str(self.data),
            "TOOLBRIDGE_PROXY_FOLDER": os.environ.get("TOOLBRIDGE_PROXY_FOLDER") or f"{self.data}/sign-in",
            "TOOLBRIDGE_HOME": str(HOME),
            "TOOLBRIDGE_HOST": self.host,
            "TOOLBRIDGE_PORT": str(self.port),
            "TOOLBRIDGE_PIDFILE": str(self.pidfile),
            "TOOLBRIDGE_METRICS_HOST": self.private_host,
            "TOOLBRIDGE_METRICS_PORT": str(self.private_port),
            "API_PORT": str(self.api_port),
            **({} if self.given_api else {"DATABASE_URL": self._database}),
            LOGIN: self.login,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), path_with_api()]),
        }


def complete_for_commands(environment: MutableMapping[str, str]) -> None:
    """Adds what the launcher gives the programs beside the settings, for a command that speaks to the API as
    the gateway does: in a checkout the stack's own, and elsewhere the address of the API on this machine.
    Raises `WrongUsage`."""
    if not has_own_api(environment):
        return
    if is_checkout():
        for name, value in Stack.from_environment().environment().items():
            environment.setdefault(name, value)
    if port := environment.get("API_PORT"):
        environment.update({API_URL: f"http://127.0.0.1:{port}", START_API: "true"})


def path_with_api() -> str:
    """The PATH on which the API's program is found, if it is built."""
    api = Path(os.environ.get("TOOLBRIDGE_API_BINARY") or STATE / "bin/toolbridge-api").absolute()
    return os.pathsep.join([str(api.parent), os.environ["PATH"]])


def _usual_login(host: str) -> str:
    """The pages need an address that browsers take for secure: this machine's, or one that is given."""
    has_address = is_loopback(host) or "TOOLBRIDGE_PUBLIC_URL" in os.environ
    return "embedded" if has_address and ELSEWHERE.isdisjoint(os.environ) else "provider"


def _port(variable: str, default: str) -> int:
    text = tidy(variable, os.environ.get(variable) or default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise WrongUsage(f"{variable} is {text!r}; it must be a port number, 1 to 65535.")
    return int(text)
