"""The pages while the API does not answer."""

from pathlib import Path

import pytest

from tests.login.pages.deployed import PASSWORD, deployed
from tests.login.pages.steps import LOOPBACK, NEW, signed_in
from tests.login.pages.visitor import Visitor

pytestmark = pytest.mark.slow


def test_every_page_says_when_to_try_again_and_works_then(api_binary: Path, tmp_path: Path) -> None:
    with deployed(api_binary, tmp_path) as site, Visitor(site.url) as visitor, Visitor(site.url) as stranger:
        name, invitation = site.person("ann"), site.invite("bob")
        signed_in(visitor, name)
        client = site.client(LOOPBACK)
        paths = ("/connections", "/password", "/sign-out", f"/consent?{client.asks()}")
        pages = {path: visitor.open(path) for path in paths}
        sign_in, first = stranger.open("/sign-in"), stranger.open(invitation)
        site.api.kill()
        for path in paths:
            page = visitor.open(path)
            assert page.status == 503, path
            assert page.answer.headers["retry-after"] == "5"
            assert "This is not possible at the moment" in page.words
            assert path.partition("?")[0] in "".join(page.links)
            sent = {"/password": {"current": PASSWORD, "new": NEW, "repeat": NEW}}.get(path, {})
            assert visitor.send(pages[path], pages[path].path, **sent).status == 503, path
        assert "tb-session" in visitor.cookies(), "nobody is signed out by an outage"
        again = stranger.sign_in(name, PASSWORD, sign_in)
        assert again.status == 503
        assert again.form("/sign-in").fields["name"] == name
        refused = stranger.send(first, "/invitation", new=NEW, repeat=NEW)
        assert refused.status == 503
        assert invitation in refused.links
        site.api.start()
        assert visitor.open("/connections").status == 200
        assert stranger.sign_in(name, PASSWORD, again).path == "/connections"
        assert stranger.send(first, "/invitation", new=NEW, repeat=NEW).path == "/connections"
