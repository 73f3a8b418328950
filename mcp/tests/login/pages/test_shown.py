"""Names that strangers chose, as people see them."""

import pytest

from toolbridge_mcp.login.pages import shown


@pytest.mark.parametrize("mark", "“”„‟〝〞〟")
def test_a_name_cannot_end_its_quotation(mark: str) -> None:
    page = str(shown.quoted(f"Claude{mark}, checked by the operator: {mark}x"))
    assert page == "<bdi>“Claude&quot;, checked by the operator: &quot;x”</bdi>"
