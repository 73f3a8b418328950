"""FastMCP's own gateway to compare with: `python -m tests.bench.plain API_URL PORT TRANSPORT default|tuned`.

It offers the operations of the API's /openapi.json as tools, for one user, whose token is in BENCH_TOKEN, and
checks no token itself. Tuned, it has every setting that makes FastMCP faster and leaves what it does.
"""

import asyncio
import gc
import os
import sys
from typing import Any, Literal

import httpx2
import uvloop
from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from tests.harness.by_hand import signed_tenant
from tests.harness.processes import TENANT_HEADER_SECRET, TENANT_ID

FASTER: dict[str, Any] = {"loop": "uvloop", "http": "httptools", "access_log": False, "log_level": "warning"}


def signed(request: httpx2.Request) -> httpx2.Request:
    request.headers.update(signed_tenant(TENANT_HEADER_SECRET, TENANT_ID))
    return request


def client(api: str) -> httpx2.AsyncClient:
    authorization = {"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
    return httpx2.AsyncClient(base_url=api, headers=authorization, auth=signed, trust_env=False, timeout=60)


def server(api: str, *, tuned: bool) -> FastMCP:
    document = httpx2.get(f"{api}/openapi.json", trust_env=False).raise_for_status().json()
    plain = FastMCP.from_openapi(document, client=client(api), name="plain", validate_output=not tuned)

    @plain.custom_route("/readyz", methods=["GET"])
    async def ready(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ready")

    return plain


async def serve(api: str, port: int, transport: Literal["sse", "http"], *, tuned: bool) -> None:
    plain = server(api, tuned=tuned)
    if not tuned:
        return await plain.run_http_async(transport=transport, host="127.0.0.1", port=port)
    await plain.list_tools()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    return await plain.run_http_async(
        show_banner=False,
        transport=transport,
        host="127.0.0.1",
        port=port,
        uvicorn_config=FASTER,
        json_response=True if transport == "http" else None,
    )


def main() -> None:
    api, port, transport, how = sys.argv[1:]
    tuned = how == "tuned"
    kind: Literal["sse", "http"] = "sse" if transport == "sse" else "http"
    (uvloop if tuned else asyncio).run(serve(api, int(port), kind, tuned=tuned))


if __name__ == "__main__":
    main()
