"""Keys of the token vectors, which sign the same text in the same way each time.

They are for tests, and open nothing.
"""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Json = dict[str, Any]

PRIMES = (
    int(
        "f5735e357f216ec4f18a0aa3e9a93fb72de77ed1ae922bbeefd9f04317aa7eca8852b0a512449ec9fef76e4b2016db8f"
        "982a55239e65eb6d09e1c644a105c1e67d9994985d80cd9c2c98de2d9f896084097a499ee2c37e0a4643f581f07d2b89"
        "88f9fe70c1cfd75fb7a5e4a350d7c92f9e396ab69eaae6f7b57eeabe4a245d5d",
        16,
    ),
    int(
        "bceb96c6b7f41e79d2f9590278d396cb2edecbbc440787bf7e1b19fb1f3b9f47efe63c3e523775b67cb129e034d505e8"
        "6d57417e1c9cd9312dd151f75a78ac1be9e46dd18ab6489bc241343e0fea9702c14b86b341724f07ee82df86c0deb9b3"
        "9d26705326f52c138a3c02b6cb7832e972e9839820e1956c16bcadded11a63af",
        16,
    ),
)

OTHER_PRIMES = (
    int(
        "fd248aca97ce7da39362284a8c7eb5ceee7e3888558e90ab90511736effb491a003a8f60c0c527ad77f0eac9a2aea371"
        "481122f21ff7e9c6e35d7dc94f2e6c124b68b446441a05736d8ae85894c374de22428c820bf3aea6f711b6fad55e61c2"
        "26db627c670d160144417338b599d7e2008172a305c6799965d65b66333f4eff",
        16,
    ),
    int(
        "f279ed28ae362f25ebd5d86cb5f0bb7e3699b7f96ffbed6479b80051a7ebadeedd304b410e07d162c35cb20715cc2f04"
        "11d4ab4561492f1ec40ec803e5c5119df66a6cba6cc63d51bae97a3f8e8f9fb2a871dc45a5fd02f9709014da295e3508"
        "f4828d7a3ef1afb0e5554e409efcbb9285c6a368cf5e587412f425985ca70cd1",
        16,
    ),
)

SHORT_PRIMES = (
    int(
        "f14e7507e670078226b352bc5d941ec3eea27e5bdb64e67fa9a80b55672e57d89fc79bc6f5b12c9e3474ca0f8edbd032"
        "201fe9cbac68e060a03aeda3db5129cd",
        16,
    ),
    int(
        "c7b41fa44af3e6a3f19dbfb9511f39a2faedbe731c249e382532272041e223035c743f4e4d74b803563857157a86865f"
        "f3001f65222937616ba129a2b6ca4387",
        16,
    ),
)
SECRET = "token-vectors-secret-0123456789-abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, eq=False)
class Signer:
    """Signs with one algorithm. `numbers` are the public ones, as a key set has them."""

    algorithm: str
    sign: Callable[[bytes], bytes]
    numbers: Json

    def published(self, **members: Any) -> Json:
        """The key in a key set. A member that is None is left out."""
        return {name: value for name, value in {**self.numbers, **members}.items() if value is not None}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def as_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def rsa_signer(primes: tuple[int, int], algorithm: str = "RS256") -> Signer:
    p, q = primes
    public = rsa.RSAPublicNumbers(65537, p * q)
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public_numbers=public
    )
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    hashing = hashes.SHA256() if algorithm == "RS256" else hashes.SHA384()
    modulus = public.n.to_bytes((public.n.bit_length() + 7) // 8, "big")
    published = {"kty": "RSA", "n": base64url(modulus), "e": "AQAB"}
    return Signer(algorithm, lambda text: key.sign(text, padding.PKCS1v15(), hashing), published)


def ec_signer(scalar: int, curve: ec.EllipticCurve | None = None, algorithm: str = "ES256") -> Signer:
    curve = curve or ec.SECP256R1()
    key = ec.derive_private_key(scalar, curve)
    size = (curve.key_size + 7) // 8
    hashing = hashes.SHA256() if algorithm == "ES256" else hashes.SHA384()

    def sign(text: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashing, deterministic_signing=True)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    point = key.public_key().public_numbers()
    name = {"secp256r1": "P-256", "secp384r1": "P-384", "secp256k1": "secp256k1"}[curve.name]
    x, y = (base64url(number.to_bytes(size, "big")) for number in (point.x, point.y))
    return Signer(algorithm, sign, {"kty": "EC", "crv": name, "x": x, "y": y})


def ed_signer(seed: bytes) -> Signer:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    x = base64url(key.public_key().public_bytes_raw())
    return Signer("EdDSA", key.sign, {"kty": "OKP", "crv": "Ed25519", "x": x})


def secret_signer(secret: bytes, algorithm: str = "HS256") -> Signer:
    digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[algorithm]
    return Signer(
        algorithm, lambda text: hmac.digest(secret, text, digest), {"kty": "oct", "k": base64url(secret)}
    )


RSA = rsa_signer(PRIMES)
OTHER_RSA = rsa_signer(OTHER_PRIMES)
RSA_384 = rsa_signer(PRIMES, "RS384")
SHORT_RSA = rsa_signer(SHORT_PRIMES)
EC = ec_signer(0x1D5A3F0B6C)
OTHER_EC = ec_signer(0x2E6B401C7D)
P384 = ec_signer(0x3F7C512D8E, ec.SECP384R1(), "ES384")
KOBLITZ = ec_signer(0x408D623E9F, ec.SECP256K1())
ED = ed_signer(b"token vectors, the first seed...")
OTHER_ED = ed_signer(b"token vectors, the other seed...")
SHARED = secret_signer(SECRET.encode())
