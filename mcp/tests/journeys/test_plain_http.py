"""The addresses of both programs, requested without a client library."""

import httpx
import pytest

from tests.harness.deployment import Deployment, OwnStack

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/unknown", 404)])
async def test_the_gateway_answers_everybody(deployment: Deployment, path: str, status: int) -> None:
    assert (await get(deployment.url + path)).status_code == status


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/unknown", 404)])
async def test_the_api_answers_on_this_machine(stack: OwnStack, path: str, status: int) -> None:
    assert (await get(stack.api_url + path)).status_code == status


async def test_sse_wants_a_token(deployment: Deployment) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = await get(f"{deployment.url}/sse", **headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_sse_opens_a_stream_with_the_endpoint(deployment: Deployment) -> None:
    headers = {"Authorization": f"Bearer {deployment.token_of('curl')}"}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=10) as http,
        http.stream("GET", f"{deployment.url}/sse", headers=headers) as stream,
    ):
        assert stream.status_code == 200
        assert await anext(stream.aiter_lines()) == "event: endpoint"


async def test_a_post_to_the_stream_is_not_allowed(deployment: Deployment) -> None:
    headers = {"Authorization": f"Bearer {deployment.token_of('curl')}"}
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        assert (await http.post(f"{deployment.url}/sse", headers=headers)).status_code == 405


async def get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        return await http.get(url, headers=headers)
