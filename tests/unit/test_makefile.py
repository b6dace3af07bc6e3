"""The Makefile reads .env as compose does, and checks the version of Python."""

import shutil
import subprocess
from pathlib import Path

import pytest

SHOW_IMAGE = "shown: ; @echo [$(IMAGE)]\n"


def make(repository: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the repository's Makefile in another folder.

    Its target `shown` shows a setting. It is a file: macOS's make 3.81 has no `--eval`.
    """
    (folder / "shown.mk").write_text(SHOW_IMAGE, encoding="utf-8")
    return subprocess.run(
        ["make", "-f", str(repository / "Makefile"), "-f", "shown.mk", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "line",
    [
        "IMAGE=me/x:1",
        'IMAGE="me/x:1"',
        "IMAGE='me/x:1'  # mine",
        "IMAGE=me/x:1 # mine",
        "IMAGE=me/x:1\t ",
        "export IMAGE=me/x:1\r",
        "IMAGE = me/x:1",
    ],
)
def test_a_setting_is_read_without_quotes_and_comment(
    repository: Path, tmp_path: Path, line: str
) -> None:
    (tmp_path / ".env").write_text(f"IMAGE=me/old:1\n{line}\nOTHER=1\n", encoding="utf-8")

    done = make(repository, tmp_path, "shown")

    assert "[me/x:1]" == done.stdout.strip(), done.stderr


def test_a_byte_order_mark_before_a_setting_is_ignored(repository: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("IMAGE=me/x:1\n", encoding="utf-8-sig")

    done = make(repository, tmp_path, "shown")

    assert "[me/x:1]" == done.stdout.strip(), done.stderr


@pytest.mark.parametrize("line", ["IMAGE=me/x#1", "IMAGE='me/x:1", "IMAGE=me/$x"])
def test_an_ambiguous_setting_is_reported(repository: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n", encoding="utf-8")

    done = make(repository, tmp_path, "shown")

    assert done.stderr.startswith(".env:1: IMAGE ")


def test_make_env_reports_each_invalid_variable_in_one_line(
    repository: Path, tmp_path: Path
) -> None:
    lines = ["IMAGE=me/$x", "SQL_PASSWORD=plan#ted", "HF_TOKEN=fine", "SMTP_PASSWORD='planted"]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")

    done = make(repository, tmp_path, "env")

    errors = done.stderr.splitlines()
    assert [".env:1: IMAGE", ".env:2: SQL_PASSWORD", ".env:4: SMTP_PASSWORD"] == [
        " ".join(line.split()[:2]) for line in errors if line.startswith(".env")
    ]
    assert not [line for line in errors if "plan" in line]
    assert "\n".join(lines) == (tmp_path / ".env").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", ["IMAGE=", 'IMAGE=""', "IMAGE= # not now", "#IMAGE=me/x:1"])
def test_a_setting_without_a_value_has_its_default(
    repository: Path, tmp_path: Path, line: str
) -> None:
    (tmp_path / ".env").write_text(f"{line}\n", encoding="utf-8")

    done = make(repository, tmp_path, "shown")

    assert "[tweet-sentiment:latest]" == done.stdout.strip(), done.stderr


def test_an_older_python_is_rejected(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "serving.txt").touch()

    done = make(repository, tmp_path, "PYTHON=false", ".venv/.serving")  # fails

    assert 0 != done.returncode
    assert "Python 3.11 is needed, and false is older" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_an_existing_environment_needs_no_other_python(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "serving.txt").touch()
    pip = tmp_path / ".venv" / "bin" / "pip"
    pip.parent.mkdir(parents=True)
    pip.symlink_to(shutil.which("true") or "/bin/true")

    done = make(repository, tmp_path, "PYTHON=false", ".venv/.serving")

    assert 0 == done.returncode, done.stdout
    assert (tmp_path / ".venv" / ".serving").exists()
