"""The scripts shield themselves from what the caller's shell sets for other projects."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.harness.processes import REPOSITORY

LIBRARY = REPOSITORY / "scripts/lib.sh"
KEPT = {
    "DATABASE_URL": "sqlite://x",
    "FLY_API_TOKEN": "x",
    "GOPROXY": "off",
    "HTTPS_PROXY": "http://proxy",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    "PIP_CERT": "/ca.pem",
    "PYENV_ROOT": "/pyenv",
    "PIP_INDEX_URL": "https://index.example/simple",
    "SSL_CERT_FILE": "/ca.pem",
    "TENANT_ID": "acme",
    "TOOLBRIDGE_PORT": "8001",
    "UV_DEFAULT_INDEX": "https://index.example/simple",
    "npm_config_registry": "https://index.example/npm",
}
"""Settings, and where packages come from."""

FOREIGN = [
    *["BASH_ENV", "CC", "CDPATH", "CFLAGS", "COLUMNS", "CONDA_PREFIX", "ENV_FILE", "FASTMCP_LOG_LEVEL"],
    *["GIT_DIR", "GIT_WORK_TREE", "GO111MODULE", "GOARCH", "GOENV", "GOROOT", "GOTMPDIR", "GREP_OPTIONS"],
    *["MAKEFLAGS", "NODE_OPTIONS", "PGHOST", "PIP_CONSTRAINT", "PIP_NO_BINARY", "PIP_PREFIX", "PIP_TARGET"],
    *["POSIXLY_CORRECT", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONWARNINGS", "UV_CONSTRAINT"],
    *["UV_OFFLINE", "UV_SYSTEM_PYTHON", "VIRTUAL_ENV", "npm_config_prefix"],
]


def sourced(script: str, environment: dict[str, str], before: str = "") -> subprocess.CompletedProcess[str]:
    """A script that sources the library, after the shell has run `before`."""
    return subprocess.run(
        ["bash", "-c", f'{before}\nset -euo pipefail\n. "$1"\n{script}', "bash", str(LIBRARY)],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def variables(environment: dict[str, str]) -> dict[str, str]:
    done = sourced("env -0", environment)
    assert done.returncode == 0, done.stderr
    entries = done.stdout.split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def test_only_settings_and_what_the_system_needs_is_kept() -> None:
    left = variables({**KEPT, **dict.fromkeys(FOREIGN, "/gone")})
    assert {name: left.get(name) for name in KEPT} == KEPT
    assert not left.keys() & set(FOREIGN)


def test_tests_do_not_see_the_settings_of_who_runs_them() -> None:
    done = sourced("forget_settings; env", {**KEPT, "OTEL_SERVICE_NAME": "mine"})
    left = {line.split("=")[0] for line in done.stdout.splitlines()}
    assert not left & {"DATABASE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME", "TOOLBRIDGE_PORT"}
    assert {"GOPROXY", "PATH"} <= left, done.stderr


def test_variables_that_bash_keeps_are_no_hindrance() -> None:
    assert "TENANT_ID" in variables({"UID": "0", "EUID": "0", "PPID": "1", "TENANT_ID": "acme"})


def test_what_pip_and_go_read_from_files_does_not_count() -> None:
    left = variables(
        {"PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1", "GOFLAGS": "-mod=vendor", "GOWORK": "/gone"}
    )
    assert (left["PIP_USER"], left["PIP_REQUIRE_VIRTUALENV"]) == ("0", "0")
    assert (left["GOFLAGS"], left["GOWORK"]) == ("-mod=readonly", "off")


@pytest.mark.parametrize("name", ["cd", "grep", "sed", "mkdir", "python3", "printf"])
def test_functions_that_the_shell_exports_are_not_called(name: str) -> None:
    done = sourced(
        f"{name} --version || true; cat /dev/null", {}, f"{name}() {{ echo FOREIGN; }}; export -f {name}"
    )
    assert "FOREIGN" not in done.stdout, done.stderr


def test_options_of_the_shell_do_not_count(tmp_path: Path) -> None:
    before = "set -o posix -o noclobber -o noglob; shopt -s failglob nocasematch; export SHELLOPTS BASHOPTS"
    check = f"""
        echo one >"{tmp_path}/file"; echo two >"{tmp_path}/file"
        case x in X) exit 5 ;; esac
        echo "$ROOT"/scripts/lib.s*; ls "{tmp_path}"/none* 2>/dev/null || true
    """
    done = sourced(check, {}, before)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(LIBRARY)


@pytest.mark.parametrize("home", [None, "", "/dev/null/home"])
def test_a_home_that_cannot_be_written_is_replaced(home: str | None) -> None:
    environment = {} if home is None else {"HOME": home}
    done = sourced('echo "$HOME"', environment, "unset HOME" if home is None else "")
    expected = str(REPOSITORY / ".toolbridge/home")
    assert done.stdout.strip() == expected, done.stderr


def test_a_folder_for_temporary_files_that_is_gone_is_not_used() -> None:
    assert "TMPDIR" not in variables({"TMPDIR": "/gone"})


def machine(folder: Path, **programs: str) -> dict[str, str]:
    """A machine with these programs in front of the others."""
    for name, text in programs.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("system", "processor"),
    [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Darwin", "x86_64")],
)
def test_machines_with_wheels_are_supported(tmp_path: Path, system: str, processor: str) -> None:
    uname = f"case $1 in -s) echo {system} ;; -m) echo {processor} ;; esac"
    assert sourced("check_platform", machine(tmp_path, uname=uname)).returncode == 0


@pytest.mark.parametrize(
    ("system", "processor"),
    [
        ("MINGW64_NT-10.0", "x86_64"),
        ("MSYS_NT-10.0", "x86_64"),
        ("Linux", "i686"),
        ("Linux", "armv7l"),
        ("FreeBSD", "amd64"),
    ],
)
def test_other_machines_are_named_before_anything_is_installed(
    tmp_path: Path, system: str, processor: str
) -> None:
    uname = f"case $1 in -s) echo {system} ;; -m) echo {processor} ;; *) echo {system} {processor} ;; esac"
    done = sourced("find_python", machine(tmp_path, uname=uname))
    assert done.returncode == 1
    assert f"{system} {processor} cannot run this. Use Linux or macOS" in done.stderr


def test_a_python_without_wheels_is_named_before_anything_is_installed() -> None:
    done = sourced("IS_SUPPORTED='raise SystemExit(1)'; find_python", {})
    assert done.returncode == 1
    assert "Python 3.11 to 3.14 (CPython, 64 bits) is needed" in done.stderr


@pytest.mark.parametrize(
    ("facts", "supported"),
    [
        ("version_info=(3, 10)", False),
        ("version_info=(3, 11)", True),
        ("version_info=(3, 14, 1)", True),
        ("version_info=(3, 15)", False),
        ("maxsize=2**31 - 1", False),
        ("implementation=types.SimpleNamespace(name='pypy')", False),
    ],
)
def test_the_versions_of_python_with_wheels_are_known(facts: str, supported: bool) -> None:
    stand_in = f"import sys, types; vars(sys).update({facts})"
    done = sourced(f'python3 -c "{stand_in}; $(printf %s "$IS_SUPPORTED" | tail -n 1)"', {})
    assert done.returncode == (0 if supported else 1), done.stderr


def test_line_ends_are_the_same_in_every_checkout() -> None:
    assert "* text=auto eol=lf" in (REPOSITORY / ".gitattributes").read_text()
