"""nginx with its defaults, in front of a gateway: TLS with a certificate of our own, and a path prefix."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.processes import Process, running

PREFIX = "/tools"

CONFIGURATION = """
daemon off;
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        location {prefix}/ {{
            proxy_pass {target};
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""
"""Buffering, time-outs and the version of HTTP are left at their defaults."""

CA_OPTIONS = "-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem"
ASKED_OPTIONS = "-newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr"
SIGN_OPTIONS = "-req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile san -out server.pem"


def make_certificates(folder: Path) -> Path:
    """A certificate authority, whose certificate is returned, and a certificate for localhost."""
    (folder / "san").write_text("subjectAltName=DNS:localhost\n")
    _openssl(folder, "req", CA_OPTIONS)
    _openssl(folder, "req", ASKED_OPTIONS)
    _openssl(folder, "x509", SIGN_OPTIONS)
    return folder / "ca.pem"


def _openssl(folder: Path, command: str, options: str) -> None:
    subprocess.run(["openssl", command, *options.split()], cwd=folder, check=True, capture_output=True)


@contextmanager
def nginx(folder: Path, user: str, port: int, gateway: str, *, strip_prefix: bool) -> Iterator[None]:
    """Serves https://localhost:`port`/tools with the certificate in `folder`."""
    target = f"{gateway}/" if strip_prefix else gateway
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, user=user, port=port, prefix=PREFIX, target=target)
    )
    command = ["nginx", "-p", str(folder), "-c", str(configuration)]
    with running(Nginx(command, {}, port, folder / "nginx.log", folder)):
        yield


class Nginx(Process):
    """Is ready as soon as its port is open: it is asked for nothing but TLS there."""

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
