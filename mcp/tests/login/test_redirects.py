"""Where answers to clients may go."""

import pytest

from toolbridge_mcp.login.redirects import MAX_LENGTH, Place, answer_url, is_usable, matches, place_of

USABLE = {
    "https://claude.ai/api/mcp/auth_callback": Place("site", "claude.ai"),
    "https://vscode.dev/redirect": Place("site", "vscode.dev"),
    "https://Client.example:8443/cb?a=1": Place("site", "client.example:8443"),
    "http://127.0.0.1:33418": Place("device", "127.0.0.1"),
    "http://127.0.0.1:33418/": Place("device", "127.0.0.1"),
    "http://localhost/callback": Place("device", "localhost"),
    "http://[::1]:6274/oauth/callback": Place("device", "[::1]"),
    "cursor://anysphere.cursor-mcp/oauth/callback": Place("app", "cursor"),
    "com.example.app:/oauth": Place("app", "com.example.app"),
    "vscode-insiders://publisher.name/done?x=%20": Place("app", "vscode-insiders"),
    "myapp:///callback": Place("app", "myapp"),
}
UNUSABLE = [
    *(
        "",
        "callback",
        "/callback",
        "//evil.example/",
        "https:///callback",
        "https:callback",
        "HTTPS://a.example/",
    ),
    *("http://client.example/cb", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/"),
    *(
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://evil.example#@127.0.0.1/",
        "http://127.0.0.1@evil.example/",
    ),
    *("https://user@client.example/", "https://user:pass@client.example/", "app://user@host/"),
    *("https://client.example/#x", "https://client.example/cb#", "cursor://a/#x"),
    *(
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "about:blank",
        "blob:https://a.example/x",
    ),
    *(
        "vbscript:x",
        "view-source:https://a.example/",
        "ms-msdt:/id",
        "search-ms:query=x",
        "urn:ietf:wg:oauth:2.0:oob",
    ),
    *("smb://files.example/a", "ssh://-oProxyCommand=x/", "telnet://host.example/", "ldap://host.example/"),
    *("microsoft-edge:https://a.example/", "jar:https://a.example/x", "chrome://settings/"),
    *("mailto:a@b.example", "intent://x#Intent;end", "app:", "app:/", "app://"),
    *("https://*.client.example/", "http://localhost:*/cb", "https://client.example/*"),
    *(
        "https://client.example/\r\nSet-Cookie:a=b",
        "https://client.example/a b",
        "https://client.example/\\x",
    ),
    *(
        'https://client.example/"',
        "https://client.example/<x>",
        "https://cl\u00efent.example/",
        "\x00https://a.example/",
    ),
    *(
        "https://client.example:port/",
        "https://client.example:123456/",
        f"https://a.example/{'x' * MAX_LENGTH}",
        f"https://{'a' * 254}/",
        f"{'a' * 65}://x/y",
        f"https://{'a' * 254}/",
        f"{'a' * 65}://x/y",
    ),
]


@pytest.mark.parametrize(("uri", "place"), USABLE.items())
def test_sites_the_device_and_apps_are_usable(uri: str, place: Place) -> None:
    assert is_usable(uri)
    assert place_of(uri) == place


@pytest.mark.parametrize("uri", UNUSABLE)
def test_everything_else_is_not(uri: str) -> None:
    assert not is_usable(uri)


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("https://client.example/cb", "https://client.example/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:50123/cb"),
        ("http://127.0.0.1:33418/", "http://127.0.0.1:50123/"),
        ("http://127.0.0.1:33418", "http://127.0.0.1:33418/"),
        ("http://[::1]/cb", "http://[::1]:1/cb"),
        ("http://localhost:1/cb?a=1", "http://localhost:2/cb?a=1"),
        ("https://client.example", "https://client.example/"),
        ("cursor://a/b", "cursor://a/b"),
    ],
)
def test_a_program_on_the_device_may_use_another_port(registered: str, asked: str) -> None:
    assert matches(registered, asked)


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("https://client.example/cb", "https://client.example/cb/"),
        ("https://client.example/cb", "https://client.example/cb?x=1"),
        ("https://client.example/cb", "https://client.example:444/cb"),
        ("https://client.example/cb", "https://client.example.evil.example/cb"),
        ("https://client.example/cb", "https://client.example/%63b"),
        ("https://client.example/cb", "http://client.example/cb"),
        ("https://localhost/cb", "https://localhost:1/cb"),
        ("http://127.0.0.1/cb", "http://localhost/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb/../x"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:999999/cb"),
        ("cursor://a/b", "cursor://a/b/c"),
        ("cursor://a:1/b", "cursor://a:2/b"),
    ],
)
def test_nothing_else_may_differ(registered: str, asked: str) -> None:
    assert not matches(registered, asked)


def test_an_answer_keeps_the_query_and_has_each_member_once() -> None:
    uri = "https://client.example/cb?flag&x=%E2%82%AC&iss=mine&co%64e=old"
    assert answer_url(uri, code="a b", state=None, iss="https://t.example") == (
        "https://client.example/cb?flag&x=%E2%82%AC&code=a+b&iss=https%3A%2F%2Ft.example"
    )


@pytest.mark.parametrize("uri", ["myapp:///callback", "com.example.app:/oauth", "http://127.0.0.1:1"])
def test_an_answer_changes_nothing_before_the_query(uri: str) -> None:
    assert answer_url(uri, code="c") == f"{uri}?code=c"


def test_a_state_cannot_add_members() -> None:
    assert answer_url("https://a.example/", state="x&code=mine#y\r\n") == (
        "https://a.example/?state=x%26code%3Dmine%23y%0D%0A"
    )
