"""The search for secrets in the logs of the tests finds what is there."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.harness.clients import over_http, over_sse, token
from tests.harness.log_search import FOLDER, Folder, Kind
from tests.harness.log_search.__main__ import main
from tests.harness.log_search.search import values_of
from tests.harness.processes import JWT_HS256_SECRET, Process, gateway_process, running

TOKEN = "eyJhbGciOiJIUzI1NiJ9.Y2xhaW1zIG9mIGEgdG9rZW4.c2lnbmF0dXJlIG9mIGEgdG9rZW4"
SIGNATURE = "0123456789abcdef" * 4
TEXT = 'Buy "m\u00fcsli"\nand oats'
CONFIDED = [
    *[(Kind.TOKEN, TOKEN), (Kind.SECRET, JWT_HS256_SECRET), (Kind.SIGNATURE, SIGNATURE), (Kind.TEXT, TEXT)],
]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "search")
    made.path.mkdir()
    return made


def searched(folder: Folder) -> tuple[int, str]:
    """The exit code of the search, and what it says."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = main(str(folder.path))
    return code, said.getvalue()


def logging(folder: Folder, said: str) -> tuple[int, str]:
    """The same where a program has logged that."""
    for kind, value in CONFIDED:
        folder.confide(kind, value)
    log = folder.path.with_name("log")
    folder.keep(log)
    log.write_text(f'{{"message": "usual"}}\n{said}\n')
    log.unlink()
    return searched(folder)


@pytest.mark.parametrize(
    "value",
    [
        *[TOKEN, TOKEN[:16], *(part[:16] for part in TOKEN.split(".")[1:]), JWT_HS256_SECRET[:16]],
        *[
            SIGNATURE,
            SIGNATURE[:16],
            TEXT,
            json.dumps(TEXT)[1:-1],
            json.dumps(TEXT, ensure_ascii=False)[1:-1],
        ],
        "eyJub3RlZCBieSBub2JvZHkifQ",
    ],
)
def test_what_is_in_a_log_is_found_and_not_repeated(folder: Folder, value: str) -> None:
    code, said = logging(folder, f'{{"message": "half of it: {value}"}}')
    assert code == 1
    assert said.startswith("4 values (1 tokens, 1 secrets, 1 signatures, 1 texts), ")
    assert "half of it: [...]" in said
    assert value not in said


@pytest.mark.parametrize(
    "harmless", ["", TOKEN[1:8], SIGNATURE[1:16], "Buy oats", "some_name", "2026-01-31", "user-7-of-ours"]
)
def test_a_log_without_any_of_it_passes(folder: Folder, harmless: str) -> None:
    folder.confide_all(Kind.TEXT, ["some_name", "2026-01-31", "completed", "user-7-of-ours"])
    folder.confide(Kind.TOKEN, token("user-7-of-ours"))
    code, said = logging(folder, harmless)
    assert (code, said[-9:]) == (0, " 0 found\n")


def test_a_search_of_nothing_fails(folder: Folder) -> None:
    assert searched(folder)[0] == 1
    folder.confide(Kind.SECRET, JWT_HS256_SECRET)
    assert searched(folder)[0] == 1


@pytest.mark.anyio
async def test_what_a_gateway_is_confided_is_known_and_not_in_its_log(
    api: Process, tmp_path: Path, folder: Folder
) -> None:
    bearer = token("ann")
    with running(gateway_process(api.url, tmp_path, **{FOLDER: str(folder.path)})) as gateway:
        for connected in (over_http, over_sse):
            async with connected(gateway.url, bearer) as tools:
                await tools.call("create_note", title="A title of ours", content="x" * 100)
                await tools.client.read_resource("toolbridge://notes")
        folder.keep(gateway.log)
    known = set(values_of(folder))
    assert {(Kind.TOKEN, bearer), (Kind.TEXT, "A title of ours"), (Kind.TEXT, "x" * 64)} <= known
    assert sum(kind is Kind.SIGNATURE for kind, _ in known) > 1
    assert searched(folder)[0] == 0
    planted = tmp_path / "planted"  # not in the log, which the run of this test searches, too
    planted.write_text("A title of ours\n")
    folder.keep(planted)
    assert searched(folder)[0] == 1
