"""`python -m toolbridge_mcp.supervision.healthcheck`: Docker's HEALTHCHECK."""

import http.client
import os
import sys

TIMEOUT_SECONDS = 4.0


def main() -> int:
    """Returns 0 if the gateway's `/readyz` is 200, for which the API must respond, too, else 1."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ["TOOLBRIDGE_PORT"]), timeout=TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"no answer: {type(error).__name__}\n")
        return 1
    finally:
        connection.close()
    return 0 if status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
