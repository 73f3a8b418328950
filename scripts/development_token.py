"""Prints a development token: an HS256 JWT that this checkout's gateway and API accept.

Reads JWT_HS256_SECRET, and JWT_ISSUER and JWT_AUDIENCE when they are set, from the environment.
"""

import argparse
import os
import sys
import time

from joserfc import jwt
from joserfc.jwk import OctKey

THIRTY_DAYS = 30 * 24 * 60 * 60
MIN_SECRET_BYTES = 32


def claims_for(subject: str, lifetime: int, now: int) -> dict[str, str | int]:
    claims: dict[str, str | int] = {"sub": subject, "iat": now, "exp": now + lifetime}
    if issuer := os.environ.get("JWT_ISSUER"):
        claims["iss"] = issuer
    if audiences := os.environ.get("JWT_AUDIENCE", "").replace(",", " ").split():
        claims["aud"] = audiences[0]
    return claims


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="token.sh", description="Prints a development token.")
    parser.add_argument("--expires", type=int, default=THIRTY_DAYS, metavar="SECONDS")
    parser.add_argument("subject", nargs="?", default="dev", metavar="SUB")
    return parser.parse_args()


def main() -> None:
    wanted = arguments()
    if not wanted.subject.strip():
        sys.exit("token.sh: SUB is empty; name the user that the token is for.")
    secret = os.environ.get("JWT_HS256_SECRET", "")
    if len(os.fsencode(secret)) < MIN_SECRET_BYTES:
        sys.exit(f"token.sh: JWT_HS256_SECRET needs at least {MIN_SECRET_BYTES} bytes; see .env.example.")
    try:
        claims = claims_for(wanted.subject, wanted.expires, int(time.time()))
        token = jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(secret))
    except UnicodeEncodeError:
        sys.exit("token.sh: SUB is not valid UTF-8.")
    sys.stdout.write(token + "\n")


if __name__ == "__main__":
    main()
