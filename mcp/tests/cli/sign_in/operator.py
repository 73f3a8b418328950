"""Somebody who types the commands of the sign-in, with the settings of the gateway."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.harness.forked import forked_command
from tests.harness.log_search import Kind, confide
from tests.harness.processes import SECRETS, Process
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport import Signer

ADDRESS = "https://tenant.example"
PASSWORD = "a long and fine password"
HERE = "127.0.0.1"

Said = subprocess.CompletedProcess[str]
Typed = Callable[..., Said]


class Operator:
    """`folder` is where the commands run."""

    def __init__(self, api: Process | str, folder: Path) -> None:
        self.url = api if isinstance(api, str) else api.url
        self._folder = folder
        self.environment = {
            **SECRETS,
            "TOOLBRIDGE_ENV_FILE": "/dev/null",
            "TOOLBRIDGE_LOGIN": "embedded",
            "TOOLBRIDGE_PUBLIC_URL": ADDRESS,
            "TOOLBRIDGE_GO_API_BASE_URL": self.url,
        }

    def tries(self, *arguments: str, **environment: str) -> Said:
        return forked_command({**self.environment, **environment}, self._folder, *arguments)

    def __call__(self, *arguments: str) -> Said:
        """What a command says that succeeds."""
        said = self.tries(*arguments)
        assert said.returncode == 0, said.stderr
        return said

    def links(self, *arguments: str) -> dict[str, str]:
        """The tokens of the links that a command prints, by the user's name."""
        lines = [line.split("\t") for line in self(*arguments).stdout.splitlines()]
        return {name: confide(Kind.SECRET, token_of(link)) for name, link in lines}

    def api(self) -> LoginApi:
        """What the gateway asks when people sign in."""
        settings = Settings(
            tenant_id=SECRETS["TENANT_ID"],
            tenant_header_secret=SECRETS["TENANT_HEADER_SECRET"],
            login="embedded",
            public_url=ADDRESS,
            go_api_base_url=self.url,
            signature="v2",
        )
        return LoginApi.of(settings, Signer.of(settings))


def token_of(link: str) -> str:
    parts = urlsplit(link)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ADDRESS}/invitation"
    ((token,),) = parse_qs(parts.query).values()
    return token
