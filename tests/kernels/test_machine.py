"""What is told of the machine and its ceilings."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

import wengert as wg
from wengert import _kernels, machine


def test_the_description_has_what_a_benchmark_is_quoted_with() -> None:
    here = machine.describe()
    assert here["wengert"] == wg.__version__
    assert here["numpy"] == np.__version__
    assert here["threads"] == wg.get_num_threads()
    assert here["isa"] in here["available_isas"]
    assert here["cores"] >= 1
    assert here["processor"]


def test_the_description_follows_the_instruction_set_in_use(isa: str) -> None:
    assert machine.describe()["isa"] == isa == _kernels.isa()


def test_the_ceilings_are_rates() -> None:
    ceilings = machine.ceilings(seconds=0)
    assert set(ceilings) == {"float32", "float64", "read", "write"}
    assert all(0 < rate < float("inf") for rate in ceilings.values())


def test_measuring_leaves_no_large_array_in_use() -> None:
    before = _kernels.memory_usage()["in_use"]
    machine.ceilings(seconds=0)
    assert _kernels.memory_usage()["in_use"] <= before + (1 << 20)


def test_the_largest_cache_is_a_size() -> None:
    assert machine.largest_cache() > 1 << 10


@pytest.mark.parametrize("text", ["GFLOP/s", "GB/s", "instruction set", f"NumPy {np.__version__}"])
def test_the_report_tells_all_of_it(text: str) -> None:
    assert text in machine.report(seconds=0)


def test_its_examples_hold() -> None:
    assert doctest.testmod(machine, extraglobs={"wg": wg}).failed == 0
