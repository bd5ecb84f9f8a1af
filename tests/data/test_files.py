"""`save` and `load`: what comes back is what was written, and from damaged files nothing but an error."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert as wg
from wengert import nn
from wengert.core.dtypes import ALL

NOT_OURS = "is damaged, or was not written by wengert\\.save"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def savez(path: Path, **arrays: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)


def assert_same(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, dict):
        assert_same(list(a.items()), list(b.items()))
    elif isinstance(a, (wg.Tensor, np.ndarray)):
        assert_same(np.asarray(getattr(a, "_value", a)).tolist(), np.asarray(getattr(b, "_value", b)).tolist())
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert getattr(a, "requires_grad", None) == getattr(b, "requires_grad", None)
    else:
        assert repr(a) == repr(b)


def test_what_is_read_is_what_was_written(path: Path) -> None:
    kept = {
        "x": wg.arange(4), 3: [wg.ones(2, 3).T, (None, True, -1, 2.5, float("nan"), "é")], "none": [], (1, 2): {},
        "p": nn.Parameter(wg.ones(2)), "leaf": wg.tensor(1.0, requires_grad=True), "array": np.arange(3.0)[::-1],
        **{str(dtype): wg.tensor([[1, 0]], dtype=dtype) for dtype in ALL}, "empty": wg.zeros(0, 3),
    }  # fmt: skip
    wg.save(kept, path)
    assert_same(wg.load(path), kept)
    with np.load(path) as archive:
        assert archive["0"].tolist() == [0, 1, 2, 3]


def test_the_book_s_model_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net, again = (nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2)) for _ in range(2))
    x = wg.rand(3, 5)
    y = net(x)
    wg.save(net.state_dict(), "mlp.params")
    again.load_state_dict(wg.load("mlp.params", map_location="cpu", weights_only=True))
    again.eval()
    assert bool((again(x) == y).all())


def test_a_result_is_a_leaf_when_it_comes_back(path: Path) -> None:
    x = wg.ones(2, requires_grad=True)
    wg.save(x * 2, path)
    back = wg.load(path)
    assert back.is_leaf
    assert back.requires_grad
    back.sum().backward()


def test_what_cannot_be_kept_is_refused_and_the_old_file_stays(path: Path) -> None:
    wg.save([1], path)
    for wrong in (nn.Linear(2, 2), {1, 2}, [object()], np.array(["a"]), np.array([1j]), 1j):
        with pytest.raises(TypeError, match=r"^save: "):
            wg.save(wrong, path)
    assert wg.load(path) == [1]
    assert os.listdir(path.parent) == ["file"]


def test_other_files_are_refused(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        wg.load(path)
    for content in (b"", b"PK\x05\x06" + bytes(18), b"\x80\x04N."):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=NOT_OURS):
            wg.load(path)
    savez(path, x=np.ones(3))
    with pytest.raises(ValueError, match=NOT_OURS):
        wg.load(path)
    savez(path, contents=np.array('{"format": "wengert tensors 2", "contents": null}'))
    with pytest.raises(ValueError, match="its format is 'wengert tensors 2'"):
        wg.load(path)


@pytest.mark.parametrize("contents", ["[" * 100_000, '{"format": "wengert tensors 1", "contents": {"tensor": "0"}}'])
def test_contents_that_make_no_sense_are_refused(path: Path, contents: str) -> None:
    savez(path, contents=np.array(contents), **{"0": np.array(["a"])})
    with pytest.raises(ValueError, match="is damaged"):
        wg.load(path)


KEPT = {"x": wg.arange(5), "y": [wg.ones(2, 2), "text", 1.5]}


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damage_is_an_error_or_harmless(path: Path, data: st.DataObject) -> None:
    wg.save(KEPT, path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place : place + data.draw(st.integers(1, 64))]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = wg.load(path)
    except ValueError as error:
        assert str(error).startswith("load: ")  # noqa: PT017
    else:
        assert_same(found, KEPT)


def test_arrays_that_say_to_be_large_take_no_memory(path: Path) -> None:
    wg.save(wg.ones(3), path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["0.npy"] = entries["0.npy"].replace(b"(3,)", b"(99999999999999,)")
    with zipfile.ZipFile(path, "w") as archive:
        for name, entry in entries.items():
            archive.writestr(name, entry)
    with pytest.raises(ValueError, match="is damaged"):
        wg.load(path)
