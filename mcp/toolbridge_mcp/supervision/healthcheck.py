"""`python -m toolbridge_mcp.supervision.healthcheck`: Docker's HEALTHCHECK, whether the container serves."""

import http.client
import os
import sys

SECONDS = 4.0


def main() -> int:
    """Returns 0 when the gateway's `/readyz` says 200, which it does only while the API answers, too."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["TOOLBRIDGE_PORT"]), timeout=SECONDS)
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
