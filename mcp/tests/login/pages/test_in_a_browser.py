"""The pages in a real browser: for the eye, for a screen reader, by keyboard, without script, behind a
proxy."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.harness.certificates import Authority
from tests.harness.processes import free_port
from tests.login.pages.browser import APP, TOUR, WALK
from tests.login.pages.deployed import PASSWORD, Client, Deployed, deployed
from tests.operator.browser import run

pytestmark = pytest.mark.clients

SERIOUS = {"serious", "critical"}
VIEWS = ("light", "dark", "phone", "phone-dark", "enlarged", "reflow", "forced")
APP_URI = "com.example.notes:/answer"
CHANGED = "nine slow tortoises on the motorway"
NEW_FIELDS = [("New password", "new-password"), ("New password, once more", "new-password")]


def somebody() -> str:
    return f"eve-{uuid4().hex[:8]}"


def token_of(client: Client) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": client.id,
        "redirect_uri": client.redirect_uri,
        "code_verifier": client.verifier,
    }


def tour(site: Deployed, pictures: Path | None = None) -> dict[str, dict[str, dict[str, Any]]]:
    """What is seen of every page, by view and name. With a folder, pictures are left there."""
    port = free_port()
    device = site.client(f"http://127.0.0.1:{port}/callback", "Quiet Notes")
    remote = site.client("https://notes.example/oauth/answer", "Quiet Notes on the Web")
    app = site.client(APP_URI, "<b>ToolBridge</b> \u202esupport " + "x" * 60)
    given = {
        "url": site.url,
        "password": PASSWORD,
        "port": port,
        "invitations": {view: site.invite(somebody(), shown="Eve Example") for view in VIEWS},
        "requests": {
            "device": device.asks(),
            "site": remote.asks(scope="read"),
            "app": app.asks(),
            "wrong": remote.asks(code_challenge="short"),
        },
        "token": token_of(device),
        "pictures": str(pictures) if pictures else None,
    }
    seen: dict[str, dict[str, dict[str, Any]]] = run(TOUR, json.dumps(given))
    return seen


def test_people_can_read_and_use_every_page(site: Deployed) -> None:
    seen = tour(site)
    assert tuple(seen) == VIEWS
    for view, pages in seen.items():
        assert len(pages) == 16
        for name, page in pages.items():
            where = f"{name}, {view}"
            assert page["passed"] > 15, "axe-core looked at nothing"
            assert [one for one in page["violations"] if one["impact"] in SERIOUS] == [], where
            assert page["overflow"] <= 0, f"{where}: the page is wider than the window"
            assert (page["scripts"], page["foreign"], page["complaints"]) == (0, [], []), where
            assert len(page["heading"]) == 1, where
            assert page["heading"][0] in page["title"], where
            assert page["language"] == "en"
            assert page["landmarks"] in (["header", "main"], ["header", "nav", "main"]), where
            assert all(one["isMarked"] and one["words"] for one in page["focus"]), where
            assert all(field["label"] and None not in field["notes"] for field in page["fields"]), where
    for name in seen["light"]:
        assert seen["light"][name]["colours"] != seen["dark"][name]["colours"]
    expect_fields(seen["light"])
    expect_focus(seen["light"])


def expect_fields(pages: dict[str, dict[str, Any]]) -> None:
    """Password managers know by `autocomplete` what belongs where; a problem is told with its field."""
    fields = {
        name: [(field["label"], field["autocomplete"]) for field in page["fields"]]
        for name, page in pages.items()
    }
    user = ("User name", "username")
    current = ("Current password", "current-password")
    assert fields["sign-in"] == [user, ("Password", "current-password")]
    assert fields["invitation"] == [user, *NEW_FIELDS]
    assert fields["password"] == [user, current, *NEW_FIELDS]
    for name, at in (
        ("sign-in-refused", "name"),
        ("invitation-weak", "new"),
        ("password-refused", "current"),
    ):
        wrong = [field for field in pages[name]["fields"] if field["isWrong"]]
        assert [field["name"] for field in wrong] == [at]
        assert len(wrong[0]["notes"][-1]) > 10
        assert pages[name]["title"].startswith("Problem: ")


def expect_focus(pages: dict[str, dict[str, Any]]) -> None:
    """A form begins with its first field, and one with a problem with that problem, from which a link leads
    to the field."""
    assert pages["sign-in"]["first"] == "name"
    assert pages["invitation"]["first"] == "new"
    assert pages["password"]["first"] == "current"
    words = [one["words"] for one in pages["consent-device"]["focus"]]
    links = ["To the content", "Connected clients", "Change password", "Sign out"]
    assert words == [*links, "Read and write", "Allow", "Do not allow", "Use another account"]
    focus = pages["sign-in-refused"]["focus"]
    says = "That did not work. Check the user name and the password."
    assert [one["words"] for one in focus] == [says, "User name", "Password", "Sign in"]


STEPS = [
    "/connections Connected clients",
    "/sign-out Sign out?",
    "/signed-out You are signed out",
    "/sign-in Sign in",
    "/consent Allow this client to use your account?",
    "/connections Connected clients",
    "/connections Connected clients",
    "/password Change password",
    "/connections Connected clients",
    "/signed-out You are signed out",
]


def walk(site: Deployed, *, onward: str | None = None, resolve: str = "") -> dict[str, Any]:
    port = free_port()
    client = site.client(f"http://127.0.0.1:{port}/callback")
    given = {
        "url": site.url,
        "invitation": site.invite(somebody()),
        "password": PASSWORD,
        "changed": CHANGED,
        "port": port,
        "onward": onward,
        "request": client.asks(),
        "token": token_of(client),
        "tokenUrl": f"{site.gateway.url}/token",
        "resolve": resolve,
    }
    done: dict[str, Any] = run(WALK, json.dumps(given))
    return done


def expect_walked(done: dict[str, Any], prefix: str = "") -> None:
    assert done["steps"] == [f"{prefix}{step}" for step in STEPS]
    assert "There is a problem" in done["alert"]["words"]
    assert done["chosen"] == "read"
    assert done["granted"] == {"status": 200, "scope": "read"}
    assert len(done["received"]["answers"]) == 1
    assert done["disconnected"] == "The client is disconnected."
    refused = "Failed to load resource: the server responded with a status of 403"
    assert [said for said in done["complaints"] if not said.startswith(refused)] == []


def expect_cookies(done: dict[str, Any], prefix: str, host: str, *, secure: bool) -> None:
    """As the browser has them while somebody is signed in, and afterwards."""
    common = {"secure": secure, "httpOnly": True, "sameSite": "Lax", "path": "/", "domain": host}
    browser = {"name": f"{prefix}browser", "lasts": True, **common}
    form, session = ({"name": f"{prefix}{name}", "lasts": False, **common} for name in ("form", "session"))
    assert done["held"] == [browser, form, session]
    assert done["left"] == [browser, form]


def test_all_of_it_works_by_keyboard_and_without_script(site: Deployed) -> None:
    done = walk(site)
    expect_walked(done)
    assert done["received"]["title"] == "Received"
    assert "/consent?" in done["back"], "the back button leads to the page before the answer"
    expect_cookies(done, "tb-", "127.0.0.1", secure=False)


def test_a_client_may_send_the_browser_on_to_another_site(site: Deployed) -> None:
    """Chromium holds each redirect after a form against a `form-action` of its page: this one has none."""
    with listening(None, b'<link rel="icon" href="data:,"><title>Elsewhere</title>') as port:
        done = walk(site, onward=f"http://localhost:{port}/")
    expect_walked(done)
    assert done["received"]["title"] == "Elsewhere"


def test_an_app_gets_its_answer_by_a_scheme_of_its_own(site: Deployed, ann: str) -> None:
    request = site.client(APP_URI).asks()
    given = {"url": site.url, "name": ann, "password": PASSWORD, "request": request}
    done = run(APP, json.dumps(given))
    asked = [one for one in done["wanted"] if one["target"].startswith(f"{APP_URI}?code=")]
    assert [one["reason"] for one in asked] == ["httpHeaderRefresh", "anchorClick"]
    assert len({one["target"] for one in asked}) == 1
    assert done["complaints"] == [], "the policy forbids nothing of it"
    assert done["heading"] == done["after"] == "You can go back now"


@pytest.mark.parametrize("strips", [False, True], ids=["kept", "removed"])
def test_behind_a_proxy_with_https_and_a_path(api_binary: Path, tmp_path: Path, strips: bool) -> None:
    """Cookies are bound to the host then, and no page without encryption can set or read them."""
    host, prefix = "tools.example", "/acme"
    context = Authority().server(host)
    port = free_port()
    url = f"https://{host}:{port}{prefix}"
    with deployed(api_binary, tmp_path, url) as site:
        remove = prefix.encode() if strips else b""
        with passing(context, port, site.gateway.port, remove):
            done = walk(site, resolve=f"MAP {host} 127.0.0.1")
    expect_walked(done, prefix)
    expect_cookies(done, "__Host-tb-", host, secure=True)


@contextmanager
def listening(context: ssl.SSLContext | None, body: bytes) -> Iterator[int]:
    """A server that answers everything with this."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
    answer += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    port = free_port()
    with served(respond, port, context):
        yield port


@contextmanager
def passing(context: ssl.SSLContext, port: int, target: int, remove: bytes) -> Iterator[None]:
    """A proxy that ends the encryption, and takes a prefix off each path."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ),
            0,
        )
        body = await reader.readexactly(length)
        method, _, rest = head.partition(b" ")
        rest = rest.removeprefix(remove).replace(b"Connection: keep-alive", b"Connection: close")
        inner, outer = await asyncio.open_connection("127.0.0.1", target)
        outer.write(method + b" " + rest + body)
        writer.write(await inner.read())
        await writer.drain()
        outer.close()
        writer.close()

    with served(respond, port, context):
        yield


@contextmanager
def served(respond: Any, port: int, context: ssl.SSLContext | None) -> Iterator[None]:
    """Runs a server in a thread of its own, as the browser is waited for in this one."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with await asyncio.start_server(respond, "127.0.0.1", port, ssl=context):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
