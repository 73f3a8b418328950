"""`python -m toolbridge_mcp.supervision.healthcheck`: Docker's HEALTHCHECK."""

import http.client
import os
import sys

from toolbridge_mcp.supervision.__main__ import of_programs

TIMEOUT_SECONDS = 4.0


def main() -> int:
    """Returns 0 if the gateway's `/readyz` is 200, for which the API must respond, too, else 1."""
    environment = of_programs(os.environ)
    host, port = environment["TOOLBRIDGE_LOCAL_HOST"], int(environment["TOOLBRIDGE_PORT"])
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz", headers={"Host": "localhost"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"no answer: {type(error).__name__}\n")
        return 1
    finally:
        connection.close()
    return 0 if status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
