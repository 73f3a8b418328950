"""Copying the items of users between two APIs: real ones, and the stand-in for the first generation."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner

from tests.harness.by_hand import signed_tenant
from tests.harness.clients import Signed, token
from tests.harness.first_generation import first_generation
from tests.harness.postgres_server import postgres_server
from tests.harness.processes import (
    GATEWAY_FOLDER,
    JWT_HS256_SECRET,
    TENANT_HEADER_SECRET,
    TENANT_ID,
    Process,
    api_process,
    running,
)
from toolbridge_mcp.cli import copying
from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.cli.main import toolbridge

OTHER_SECRET = "another-secret-of-at-least-thirty-two-bytes"
COMMAND = 3
"""Words of a command line before the name of the command."""

EARLIER = "2025-03-01T00:00:00Z"


class Account:
    """One user's items in one API, spoken to as a client of the sync protocol does."""

    def __init__(self, api: Process, user: str) -> None:
        self._url = api.url
        self._secret = api.environment.get("TENANT_HEADER_SECRET", "")
        self._headers = {"Authorization": f"Bearer {token(user)}"}
        session = self.json("POST", "sync/sessions")
        self._headers |= {"X-Sync-Session": session["id"], "X-Sync-Epoch": str(session["epoch"])}

    def _request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        headers = {**self._headers, **signed_tenant(self._secret, TENANT_ID)}
        return httpx.request(
            method, f"{self._url}/v1/{path}", headers=headers, trust_env=False, timeout=30, **parts
        )

    def json(self, method: str, path: str, **parts: Any) -> Any:
        answer = self._request(method, path, **parts)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def text(self, path: str) -> str:
        return self._request("GET", path).text

    def create(self, plural: str, **payload: object) -> str:
        return str(self.json("POST", plural, json=payload)["uid"])

    def push(self, plural: str, *items: object) -> list[Any]:
        found: list[Any] = self.json("POST", f"sync/{plural}/push", json={"items": items})
        assert not any("error" in entry for entry in found), found
        return found

    def items(self) -> dict[str, dict[str, Any]]:
        """All of them, by uid, without what the API itself writes into a payload."""
        found = {}
        for plural in ("notes", "tasks", "comments", "chats", "chat_messages"):
            cursor = ""
            while True:
                page = self.json("GET", f"{plural}?includeDeleted=true&limit=100{cursor}")
                for item in page["items"]:
                    own = {
                        name: value
                        for name, value in item["payload"].items()
                        if name not in {"uid", "updatedTs", "sync"}
                    }
                    found[item["uid"]] = {
                        "payload": own,
                        "version": item["version"],
                        "updated": item["updatedAt"],
                        "deleted": "deletedAt" in item,
                    }
                if not page["items"] or "nextCursor" not in page:
                    break
                cursor = f"&cursor={page['nextCursor']}"
        return found

    def fill(self) -> dict[str, str]:
        """Items of every kind: changed, archived, deleted, with awkward content, orphans and old ones."""
        note = self.create(
            "notes", title="ä 牛乳 😀", content="<&> \u2028", tags=["a"], extra={"n": [1, 2.5, None]}
        )
        self.json("PATCH", f"notes/{note}", json={"title": "changed"})
        gone = self.create("notes", title="gone")
        task = self.create("tasks", title="t", status="todo", big=123456789012, small=1e-7)
        self.json("POST", f"tasks/{task}/archive")
        chat, closed = self.create("chats", title="c"), self.create("chats", title="closed")
        self.create("comments", content="on a task", parentType="task", parentUid=task)
        orphan = self.create("comments", content="orphan", parentType="note", parentUid=gone)
        self.create("comments", content="orphan too", parentType="note", parentUid=gone)
        deleted = self.create("comments", content="deleted", parentType="note", parentUid=gone)
        self.create("chat_messages", content="m", chatUid=chat)
        message = self.create("chat_messages", content="in a closed chat", chatUid=closed)
        self.json("DELETE", f"comments/{deleted}")
        self.json("DELETE", f"notes/{gone}")
        self.json("DELETE", f"chats/{closed}")
        self.push(
            "notes", {"uid": str(uuid4()), "title": "pushed", "updatedAt": EARLIER, "sync": {"version": 7}}
        )
        return {"note": note, "gone": gone, "task": task, "orphan": orphan, "message": message}

    def many(self, count: int) -> None:
        for start in range(0, count, 100):
            self.push(
                "notes",
                *(
                    {"uid": str(uuid4()), "title": str(number), "content": "x" * 2_000}
                    for number in range(start, min(count, start + 100))
                ),
            )


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def command(source: str, target: str, folder: Path, *more: str) -> list[str]:
    state = ["--state", str(folder / "state.json")]
    program = [sys.executable, "-m", "toolbridge_mcp"]
    return [*program, "copy", "--from", source, "--to", target, *state, *more]


def environment(tokens: str, **settings: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "TOOLBRIDGE_ENV_FILE": os.devnull,
        "TENANT_ID": TENANT_ID,
        "TENANT_HEADER_SECRET": TENANT_HEADER_SECRET,
        "TOOLBRIDGE_TOKEN": tokens,
        **settings,
    }


def copy(source: Process, target: Process, folder: Path, *more: str, **settings: str) -> Ended:
    """The command, in this process: it would take seconds to import in another."""
    arguments = command(source.url, target.url, folder, *more)[COMMAND:]
    ended = CliRunner().invoke(toolbridge, arguments, env={**environment(token("ann")), **settings})
    for secret in (TENANT_HEADER_SECRET, JWT_HS256_SECRET, OTHER_SECRET, "eyJ"):
        assert secret not in ended.output
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exc_info
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


@contextmanager
def two(kinds: str, binary: Path, folder: Path) -> Iterator[tuple[Process, Process]]:
    """Two APIs: "old" is the first generation, "ours" is this repository's."""
    made = []
    for number, kind in enumerate(kinds.split()):
        place = folder / f"{number}-{kind}"
        place.mkdir()
        made.append(first_generation(place) if kind == "old" else api_process(binary, place))
    with running(made[0]) as source, running(made[1]) as target:
        yield source, target


def same(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    """Equal uids, contents, deletions and versions; times too, but for the parents of orphans."""
    assert first.keys() == second.keys()
    for uid, item in first.items():
        there = second[uid]
        assert (there["payload"], there["deleted"]) == (item["payload"], item["deleted"]), uid
        if not item["deleted"]:
            assert (there["version"], there["updated"]) == (item["version"], item["updated"]), uid


KEYS = f"k2:2026-01-31:{TENANT_HEADER_SECRET} k1:2026-01-30:{OTHER_SECRET}"


@pytest.mark.parametrize("given", ["TENANT_HEADER_KEYS", "TENANT_HEADER_KEYS_FILE"])
def test_apis_that_take_signed_requests_as_a_whole_only(given: str, api_binary: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(KEYS)
    secrets = {"TENANT_HEADER_KEYS": KEYS, "TENANT_SIGNATURES": "v2"}
    folders = tmp_path / "source", tmp_path / "target"
    for folder in folders:
        folder.mkdir()
    source, target = (api_process(api_binary, folder, **secrets) for folder in folders)
    with running(source), running(target):
        for number in range(120):
            answer = _whole(source, "POST", "/v1/notes", {"title": f"ä {number}", "content": "x" * 100})
            assert answer.status_code == 201, answer.text
        place = {"TENANT_HEADER_KEYS": KEYS, "TENANT_HEADER_KEYS_FILE": str(tmp_path / "keys")}
        ended = copy(source, target, tmp_path, TENANT_HEADER_SECRET="", **{given: place[given]})
        assert ended.code == 0, ended
        listed = _whole(target, "GET", "/v1/notes?limit=200").json()["items"]
    assert {item["payload"]["title"] for item in listed} == {f"ä {number}" for number in range(120)}


def _whole(api: Process, method: str, path: str, body: object = None) -> httpx.Response:
    signed = Signed(TENANT_HEADER_SECRET, TENANT_ID, "k2")
    headers = {"Authorization": f"Bearer {token('ann')}", "X-Sync-Session": "new"}
    return httpx.request(
        method, f"{api.url}{path}", json=body, headers=headers, auth=signed, trust_env=False, timeout=30
    )


@pytest.mark.parametrize("kinds", ["old ours", "ours old", "ours ours", "old old"])
def test_everything_arrives_and_a_second_run_changes_nothing(
    kinds: str, api_binary: Path, tmp_path: Path
) -> None:
    with two(kinds, api_binary, tmp_path) as (source, target):
        before = Account(source, "ann")
        before.fill()
        there = Account(target, "ann")
        first = copy(source, target, tmp_path)
        assert first.code == 0, first
        same(before.items(), there.items())
        arrived = there.items()
        second = copy(source, target, tmp_path)
        assert second.code == 0, second
        assert there.items() == arrived
        (tmp_path / "state.json").unlink()
        third = copy(source, target, tmp_path)
        assert third.code == 0, third
        same(before.items(), there.items())
        assert "missing" not in third.out


@pytest.mark.parametrize("kinds", ["old ours", "ours old"])
def test_later_changes_and_deletions_follow_and_newer_ones_at_the_target_stay(
    kinds: str, api_binary: Path, tmp_path: Path
) -> None:
    with two(kinds, api_binary, tmp_path) as (source, target):
        before, there = Account(source, "ann"), Account(target, "ann")
        uids = before.fill()
        assert copy(source, target, tmp_path).code == 0
        before.json("PATCH", f"notes/{uids['note']}", json={"title": "later"})
        before.json("DELETE", f"tasks/{uids['task']}")
        before.json("DELETE", f"comments/{uids['orphan']}")
        new = before.create("chats", title="new")
        mine = there.create("notes", title="only there")
        other = before.create("notes", title="old")
        assert copy(source, target, tmp_path).code == 0
        there.json("PATCH", f"notes/{other}", json={"title": "won"})
        done = copy(source, target, tmp_path)
        items = there.items()
        assert done.code == 0
        assert items[uids["note"]]["payload"]["title"] == "later"
        assert items[uids["task"]]["deleted"]
        assert items[uids["orphan"]]["deleted"]
        assert items[new]["payload"]["title"] == "new"
        assert items[mine]["payload"]["title"] == "only there"
        assert items[other]["payload"]["title"] == "won"
        assert "newer there" in done.out
        assert "only there" in done.out


def test_there_and_back_is_equal(api_binary: Path, tmp_path: Path) -> None:
    back = first_generation(_folder(tmp_path, "back"))
    with two("old ours", api_binary, tmp_path) as (old, ours), running(back):
        account = Account(old, "ann")
        account.fill()
        assert copy(old, ours, tmp_path).code == 0
        assert copy(ours, back, tmp_path).code == 0
        same(account.items(), Account(back, "ann").items())


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def test_a_copy_that_is_killed_goes_on_where_it_was(api_binary: Path, tmp_path: Path) -> None:
    with two("ours ours", api_binary, tmp_path) as (source, target):
        account = Account(source, "ann")
        account.many(3_000)
        account.fill()
        running_copy = subprocess.Popen(
            command(source.url, target.url, tmp_path),
            env=environment(token("ann")),
            cwd=GATEWAY_FOLDER,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        state = tmp_path / "state.json"
        while not state.exists():
            assert running_copy.poll() is None
            time.sleep(0.001)
        running_copy.send_signal(signal.SIGKILL)
        running_copy.wait()
        arrived = len(Account(target, "ann").items())
        assert 0 < arrived < 3_000
        done = copy(source, target, tmp_path)
        assert done.code == 0
        same(account.items(), Account(target, "ann").items())
        (first, *_) = [line for line in done.err.splitlines() if " notes sent" in line]
        assert int(first.split()[4]) <= 200, "it counts from where it was"


def test_a_parent_that_was_left_alive_is_deleted_by_the_next_run(api_binary: Path, tmp_path: Path) -> None:
    with two("old ours", api_binary, tmp_path) as (source, target):
        account, there = Account(source, "ann"), Account(target, "ann")
        uids = account.fill()
        assert copy(source, target, tmp_path).code == 0
        there.push(
            "notes",
            {
                "uid": uids["gone"],
                "title": "gone",
                "updatedTs": "2090-01-01T00:00:00Z",
                "sync": {"version": 1},
            },
        )
        state = tmp_path / "state.json"
        known = json.loads(state.read_text())
        for entry in known.values():
            entry["revived"] = [["notes", uids["gone"]]]
        state.write_text(json.dumps(known))
        assert copy(source, target, tmp_path).code == 0
        assert there.items()[uids["gone"]]["deleted"]
        assert all(entry["revived"] == [] for entry in json.loads(state.read_text()).values())


def test_a_target_that_lost_everything_is_filled_again(api_binary: Path, tmp_path: Path) -> None:
    with two("old ours", api_binary, tmp_path) as (source, target):
        account, there = Account(source, "ann"), Account(target, "ann")
        account.fill()
        assert copy(source, target, tmp_path).code == 0
        there.json("POST", "sync/wipe", json={"confirm": "WIPE"})
        assert copy(source, target, tmp_path).code == 0
        same(account.items(), Account(target, "ann").items())


def test_what_the_target_does_not_take_is_named_and_the_rest_arrives(
    api_binary: Path, tmp_path: Path
) -> None:
    with (
        running(first_generation(tmp_path)) as source,
        running(api_process(api_binary, tmp_path, MAX_STRING_BYTES="100000")) as target,
    ):
        account = Account(source, "ann")
        account.fill()
        large = account.create("notes", title="large", content="x" * 200_000)
        done = copy(source, target, tmp_path)
        assert done.code == 1
        assert f"missing or different: notes {large}" in done.out
        assert f"refused: notes {large}: " in done.out
        assert len(Account(target, "ann").items()) == len(account.items()) - 1


def test_payloads_that_no_tool_would_make_arrive_as_they_are(api_binary: Path, tmp_path: Path) -> None:
    with two("old ours", api_binary, tmp_path) as (source, target):
        account, there = Account(source, "ann"), Account(target, "ann")
        odd: list[dict[str, Any]] = [
            {},
            {"title": 5, "dueDate": "tomorrow", "tags": "no list", "status": None, "archived": "yes"},
            {"title": "", "dueDate": "2026-13-45", "updatedAt": "never", "version": "7", "deletedAt": "no"},
            {"uid": str(uuid4()).upper(), "title": "capitals", "a/b~c": {"": [[], {}]}},
        ]
        for payload in odd:
            account.create("tasks", **payload)
        account.push("tasks", {"uid": str(uuid4()), "sync": "no object", "updatedTs": 5})
        done = copy(source, target, tmp_path)
        assert done.code == 0, done
        same(account.items(), there.items())


def test_an_item_that_fills_pages_alone_arrives(api_binary: Path, tmp_path: Path) -> None:
    limits = {"MAX_BODY_BYTES": "16777216", "MAX_STRING_BYTES": "8388608"}
    with (
        running(api_process(api_binary, _folder(tmp_path, "a"), **limits)) as source,
        running(api_process(api_binary, _folder(tmp_path, "b"), **limits)) as target,
    ):
        account = Account(source, "ann")
        for title in ("one", "two"):
            account.create("notes", title=title, content="x" * 5_000_000)
        assert copy(source, target, tmp_path).code == 0
        there = Account(target, "ann")
        page = there.json("GET", "notes?limit=10")
        uids = [item["uid"] for item in page["items"]]
        assert uids
        assert len(there.json("GET", f"notes/{uids[0]}")["payload"]["content"]) == 5_000_000


def test_several_users_from_a_file_and_a_tenant_for_each_side(api_binary: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with (
        running(first_generation(tmp_path / "old", TENANT_HEADER_SECRET=OTHER_SECRET)) as source,
        running(api_process(api_binary, tmp_path)) as target,
    ):
        for user in ("ann", "ben"):
            Account(source, user).create("notes", title=f"of {user}")
        tokens, settings = tmp_path / "tokens", tmp_path / "old.env"
        tokens.write_text(f"# users\n{token('ann')}\n\n{token('ben')} {token('benjamin')}\n")
        settings.write_text(f"TOOLBRIDGE_TENANT_ID=any\nTENANT_HEADER_SECRET={OTHER_SECRET}\n")
        options = ["--tokens", str(tokens), "--from-settings", str(settings)]
        done = copy(source, target, tmp_path, *options)
        assert done.code == 0, done
        assert [line.split("  ")[0] for line in done.out.splitlines() if "user" in line] == [
            "user 1 of 2",
            "user 2 of 2",
        ]
        for user, title in (("ann", "of ann"), ("benjamin", "of ben")):
            (item,) = Account(target, user).items().values()
            assert item["payload"] == {"title": title}
        assert Account(target, "ben").items() == {}


def test_digits_are_kept_from_sqlite_to_postgresql(api_binary: Path, tmp_path: Path) -> None:
    with (
        TemporaryDirectory() as folder,  # not below tmp_path, which only its owner may enter
        postgres_server(Path(folder)) as server,
        running(api_process(api_binary, tmp_path)) as source,
        running(api_process(api_binary, tmp_path, DATABASE_URL=server.url)) as target,
    ):
        account, there = Account(source, "ann"), Account(target, "ann")
        account.fill()
        numbers = '"big":123456789012345678901234567890,"exact":0.1000000000000000000000000001,"e":1E+2'
        uid = account.json("POST", "notes", content=f'{{"title":"n",{numbers}}}')["uid"]
        assert copy(source, target, tmp_path).code == 0
        same(account.items(), there.items())
        assert numbers in there.text(f"notes/{uid}")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TENANT_HEADER_SECRET": OTHER_SECRET}, "correct TENANT_ID and the tenant's keys of this side"),
        ({"TOOLBRIDGE_TOKEN": "nonsense"}, "refuses the user's token"),
        ({"TENANT_ID": ""}, "TENANT_ID of "),
        ({"TOOLBRIDGE_TOKEN": ""}, "There is no token"),
        ({"TOOLBRIDGE_TOKEN": "a b c"}, "more than two words"),
    ],
    ids=["secret", "token", "tenant", "no token", "three words"],
)
def test_what_is_wrong_is_one_sentence(
    settings: dict[str, str], says: str, api: Process, tmp_path: Path
) -> None:
    with running(first_generation(tmp_path)) as source:
        done = copy(source, api, tmp_path, **settings)
    assert done.code in {1, 2}
    assert says in done.err


def test_one_api_for_both_sides_is_no_success(api: Process, tmp_path: Path) -> None:
    done = copy(api, api, tmp_path)
    assert (done.code, "--from and --to are the same API" in done.err) == (2, True)


def test_a_file_of_tokens_that_is_not_there_is_named(api: Process, tmp_path: Path) -> None:
    done = copy(api, api, tmp_path, "--tokens", str(tmp_path / "none"))
    assert (done.code, "none cannot be read; name a file" in done.err) == (2, True)


def test_an_api_that_limits_everything_is_waited_for(api_binary: Path, tmp_path: Path) -> None:
    slow = first_generation(_folder(tmp_path, "slow"), SESSIONS_PER_SECOND="1", SESSION_BURST="1")
    with running(slow) as source, running(api_process(api_binary, tmp_path)) as target:
        Account(source, "ann").create("notes", title="t")
        tokens = tmp_path / "tokens"
        tokens.write_text(f"{token('ann')}\n{token('ann')}\n")
        assert copy(source, target, tmp_path, "--tokens", str(tokens)).code == 0


LIST = f"k2:2026-02-01:{OTHER_SECRET},k1:2026-01-31:{TENANT_HEADER_SECRET}"
HERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("prefix", ["", "TOOLBRIDGE_"])
@pytest.mark.parametrize("in_file", [True, False], ids=["file", "list"])
def test_the_first_key_of_a_list_signs(tmp_path: Path, prefix: str, in_file: bool) -> None:
    (tmp_path / "keys").write_text(LIST)
    given = {"TENANT_HEADER_KEYS_FILE": str(tmp_path / "keys")} if in_file else {"TENANT_HEADER_KEYS": LIST}
    named = {f"{prefix}{name}": value for name, value in {"TENANT_ID": TENANT_ID, **given}.items()}
    found = copying.place(HERE, named, "--from-settings")
    assert (found.tenant, found.keyring.first.id) == (TENANT_ID, "k2")
    assert OTHER_SECRET not in repr(found)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TENANT_HEADER_SECRET": OTHER_SECRET}, f"TENANT_ID of {HERE} is not set; name the file"),
        ({"TENANT_ID": "a"}, f"TENANT_HEADER_SECRET of {HERE} is not set; name the file"),
        ({"TENANT_ID": "a", "TENANT_HEADER_KEYS": "k1:2026-01-31:short"}, "TENANT_HEADER_KEYS: key 1 has"),
        ({"TENANT_ID": "a", "TENANT_HEADER_KEYS_FILE": "/none"}, "TENANT_HEADER_KEYS_FILE: cannot be read"),
        (
            {"TENANT_ID": "a", "TENANT_HEADER_KEYS": LIST, "TENANT_HEADER_SECRET": OTHER_SECRET},
            "TENANT_HEADER_SECRET is set together with TENANT_HEADER_KEYS",
        ),
    ],
)
def test_a_side_without_usable_keys_is_refused(settings: dict[str, str], says: str) -> None:
    with pytest.raises(WrongUsage, match=re.escape(says)) as refused:
        copying.place(HERE, settings, "--from-settings")
    assert OTHER_SECRET not in str(refused.value)
