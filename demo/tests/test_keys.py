"""Demo keys are made once, are readable by their owner only, and are marked."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from demo.keys import FILES, Incomplete, make_demo_keys

ROOT = Path(__file__).parents[2]


def test_keys_are_pairs_of_2048_bit(standin_keys):
    for pair in ("app", "alipay"):
        private = load_pem_private_key((standin_keys / f"{pair}_private_key.pem").read_bytes(), None)
        public = load_pem_public_key((standin_keys / f"{pair}_public_key.pem").read_bytes())
        assert private.key_size == 2048
        assert private.public_key().public_numbers() == public.public_numbers()


def test_each_key_is_marked_as_a_demo_key(standin_keys):
    for name in FILES:
        if name.endswith(".pem"):
            first = (standin_keys / name).read_text().splitlines()[0]
            assert first == "# ihome demo key: never use it with the real Alipay"


def test_only_their_owner_may_read_them(tmp_path):
    folder = tmp_path / "keys"
    assert make_demo_keys(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("app_private_key.pem", "alipay_private_key.pem"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600


def test_they_are_never_overwritten(tmp_path):
    make_demo_keys(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    assert not make_demo_keys(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before
    (tmp_path / FILES[0]).unlink()
    with pytest.raises(Incomplete):
        make_demo_keys(tmp_path)
    assert not (tmp_path / FILES[0]).exists()


def test_the_command(tmp_path):
    folder = tmp_path / "keys"
    command = [sys.executable, "manage.py", "make_demo_keys", str(folder)]
    runs = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0]
    assert "already" in runs[1].stdout
    (folder / FILES[0]).unlink()
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "holds only" in refused.stderr
    assert "Traceback" not in refused.stderr
