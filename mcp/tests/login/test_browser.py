"""What the pages take from a browser, and what they do not."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from toolbridge_mcp.login import browser
from toolbridge_mcp.login.bodies import MAX_BYTES, Bodies
from toolbridge_mcp.login.browser import Cookies, FormRefused
from toolbridge_mcp.login.forms import FORM

pytestmark = pytest.mark.anyio

OURS = "https://tools.example"


def request(*pieces: bytes, query: str = "", **headers: str) -> Request:
    """A request with this body."""
    left = list(pieces)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": left.pop(0) if left else b"", "more_body": bool(left)}

    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "query_string": query.encode(),
        "headers": lines,
        "server": ("127.0.0.1", 80),
    }
    return Request(scope, receive)


def form(*pieces: bytes, content_type: str = FORM) -> Request:
    return request(*pieces, content_type=content_type)


async def test_a_form_is_read() -> None:
    sent = form(b"name=%C3%A4nn&pass", b"word=a%26b+c&empty=", content_type=f"{FORM}; charset=UTF-8")
    assert await browser.read_form(sent, Bodies()) == {"name": "änn", "password": "a&b c", "empty": ""}
    assert await browser.read_form(form(), Bodies()) == {}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (form(b"a=1", content_type="multipart/form-data; boundary=x"), 415),
        (form(b"{}", content_type="application/json"), 415),
        (request(b"a=1"), 415),
        (form(b"a=" + b"x" * MAX_BYTES), 413),
        (form(*[b"a=1" * 1_000] * 30), 413),
        (form(b"&".join([b"a=1"] * (browser.MOST_FIELDS + 1))), 413),
        (form(b"a=%ff"), 400),
        (form(b"a=\xff"), 400),
        (form(b"a=b%00"), 400),
        (form(b"nothing"), 400),
    ],
)
async def test_what_is_no_form_of_ours_is_refused(sent: Request, status: int) -> None:
    with pytest.raises(FormRefused) as refused:
        await browser.read_form(sent, Bodies())
    assert refused.value.status == status


@pytest.mark.parametrize(
    "given",
    ["/consent", "/connections", "/password", "/consent?client_id=a&state=%22&redirect_uri=http%3A%2F%2Fx"],
)
def test_a_page_of_ours_may_come_next(given: str) -> None:
    assert browser.next_path(given) == given


@pytest.mark.parametrize(
    "given",
    [
        *(None, "", "/", "//evil.example", "/\\evil.example", "https://evil.example/consent", "consent"),
        *(
            "/consent/../x",
            "/consent//evil",
            "/consent@evil",
            "/consentx",
            "/sign-out",
            "/sign-in?next=/consent",
        ),
        *("/consent?a\r\nSet-Cookie: x=y", "/consent?a\\b", "/consent?ä", "/consent?a b", " /consent"),
        *(
            "javascript:alert(1)",
            "/consent?" + "a" * browser.NEXT_CHARACTERS,
            "/consent\n",
            "/%2Fevil.example",
        ),
    ],
)
def test_nothing_else_may(given: str | None) -> None:
    assert browser.next_path(given) is None


def test_a_form_belongs_to_one_cookie() -> None:
    mine, other = browser.new_secret(), browser.new_secret()
    assert mine != other
    token = browser.csrf_token(mine)
    assert browser.is_ours({"csrf": token}, mine)
    assert mine not in token
    assert not browser.is_ours({"csrf": token}, other)
    assert not browser.is_ours({"csrf": token}, None)
    assert not browser.is_ours({"csrf": ""}, mine)
    assert not browser.is_ours({"csrf": "ä"}, mine)
    assert not browser.is_ours({}, mine)


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-origin", "origin": OURS}, True),
        ({"sec_fetch_site": "same-site", "origin": OURS}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"origin": OURS}, True),
        ({"origin": "http://localhost:8001", "host": "localhost:8001"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://tools.example.evil.example"}, False),
        ({"origin": "http://tools.example"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_form_comes_from_our_own_page(headers: dict[str, str], is_ours: bool) -> None:
    sent = request(**{"host": "tools.example", **headers})
    assert browser.is_from_our_page(sent, OURS) == is_ours


@pytest.mark.parametrize(("is_https", "prefix", "secure"), [(True, "__Host-", "; Secure"), (False, "", "")])
def test_the_cookies_are_as_claimed(is_https: bool, prefix: str, secure: str) -> None:
    cookies, answer = Cookies(is_https=is_https), Response()
    cookies.sign_in(answer, "s" * 43, "b" * 43)
    cookies.keep_form(answer, "f" * 43)
    cookies.sign_out(answer)
    common = f"; HttpOnly{{age}}; Path=/; SameSite=lax{secure}"
    lines = [value for name, value in answer.raw_headers if name == b"set-cookie"]
    assert [line.decode() for line in lines] == [
        f"{prefix}tb-session={'s' * 43}{common.format(age='')}",
        f"{prefix}tb-browser={'b' * 43}{common.format(age='; Max-Age=15552000')}",
        f"{prefix}tb-form={'f' * 43}{common.format(age='')}",
        f'{prefix}tb-session=""{common.format(age="; Max-Age=0")}',
    ]


def test_a_cookie_that_is_none_of_ours_is_no_cookie() -> None:
    cookies = Cookies(is_https=True)
    assert cookies.session(request(cookie=f"__Host-tb-session={'s' * 43}")) == "s" * 43
    for value in ("", "short", "x" * 129, "a b", '"' + "x" * 43 + '"%', "ä" * 20):
        assert cookies.session(request(cookie=f"__Host-tb-session={value}")) is None
    assert cookies.session(request(cookie=f"tb-session={'s' * 43}")) is None


def test_the_address_of_a_page_is_kept_whole() -> None:
    asked = request(query="client_id=a%2Fb&state=%22x%3D&resource=http://h/mcp")
    address = browser.this_page(asked, "/consent")
    assert address == "/consent?client_id=a%2Fb&state=%22x%3D&resource=http://h/mcp"
    assert browser.next_path(address) == address
    target = browser.sign_in_path(address)
    assert target.startswith("/sign-in?next=/consent%3Fclient_id%3Da%252Fb%26state")
    read_back = request(query=target.partition("?")[2]).query_params["next"]
    assert read_back == address
