"""The unit of deploy/, as systemd reads it."""
import json, subprocess

import pytest

from guard import BINARY, PATIENCE, ROOT


@pytest.fixture
def unit(tmp_path):
    """The unit, with the program where it is now."""
    text = (ROOT / "deploy/countersign.service").read_text()
    installed = "/usr/local/bin/countersign"
    assert f"ExecStart={installed} serve " in text
    (tmp_path / "countersign.service").write_text(text.replace(installed, str(BINARY)))
    return tmp_path / "countersign.service"


def systemd_analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=PATIENCE)


def test_systemd_understands_every_line_of_the_unit(unit):
    done = systemd_analyze("verify", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_exposed_to_little(unit):
    done = systemd_analyze("security", "--offline=true", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout
