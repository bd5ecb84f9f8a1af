"""What control groups allow, read from trees of files made here: quotas of processors and limits of memory, of both
versions, nested, missing, and damaged."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import pytest

from wengert import _kernels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")

NONE = (math.inf, math.inf)


def allowed(root: Path, groups: str | bytes | None, files: dict[str, str | bytes]) -> tuple[float, float]:
    """Processors and bytes that a tree allows: the text of /proc/self/cgroup, and files below /sys/fs/cgroup."""
    for name, text in {"proc/self/cgroup": groups, **{f"sys/fs/cgroup/{key}": files[key] for key in files}}.items():
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    processors, *limits = _kernels.allowance(root)
    here = len(os.sched_getaffinity(0))
    assert processors == max(1, min(here, here if limits[0] == math.inf else math.ceil(limits[0])))
    return tuple(limits)


V2 = "0::/user.slice/job.scope\n"
V1 = "12:cpuset:/elsewhere\n9:memory:/jobs/7\n4:cpu,cpuacct:/jobs/7\n1:name=systemd:/jobs/7\n"


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    {
        "no limit, version 2": (V2, {"user.slice/job.scope/cpu.max": "max 100000\n"}, NONE),
        "one processor and a half": (V2, {"user.slice/job.scope/cpu.max": "150000 100000\n"}, (1.5, math.inf)),
        "a tenth of one": (V2, {"user.slice/job.scope/cpu.max": "10000 100000\n"}, (0.1, math.inf)),
        "another period": (V2, {"user.slice/job.scope/cpu.max": "400000 50000\n"}, (8.0, math.inf)),
        "a limit above": (
            V2,
            {"user.slice/job.scope/cpu.max": "400000 100000\n", "user.slice/cpu.max": "100000 100000\n"},
            (1.0, math.inf),
        ),
        "a limit at the mount, as in a container": (V2, {"cpu.max": "200000 100000\n"}, (2.0, math.inf)),
        "the root group": ("0::/\n", {"cpu.max": "200000 100000\n"}, (2.0, math.inf)),
        "no limit below one": (
            V2,
            {"user.slice/job.scope/cpu.max": "max 100000\n", "user.slice/cpu.max": "50000 100000\n"},
            (0.5, math.inf),
        ),
        "another group's limit": (V2, {"user.slice/other.scope/cpu.max": "1000 100000\n"}, NONE),
        "memory, version 2": (V2, {"user.slice/job.scope/memory.max": "1048576\n"}, (math.inf, 1048576.0)),
        "memory without limit": (V2, {"user.slice/job.scope/memory.max": "max\n"}, NONE),
        "memory, the least of all": (
            V2,
            {
                "user.slice/job.scope/memory.max": "3000000\n",
                "user.slice/memory.max": "2000000\n",
                "memory.max": "max\n",
            },
            (math.inf, 2e6),
        ),
        "version 1": (
            V1,
            {
                "cpu/jobs/7/cpu.cfs_quota_us": "250000\n",
                "cpu/jobs/7/cpu.cfs_period_us": "100000\n",
                "memory/jobs/7/memory.limit_in_bytes": "4096000\n",
            },
            (2.5, 4096000.0),
        ),
        "version 1 without limit": (
            V1,
            {
                "cpu/jobs/7/cpu.cfs_quota_us": "-1\n",
                "cpu/jobs/7/cpu.cfs_period_us": "100000\n",
                "memory/jobs/7/memory.limit_in_bytes": "9223372036854771712\n",
            },
            (math.inf, 9223372036854771712.0),
        ),
        "version 1, a limit above": (
            V1,
            {
                "cpu/jobs/7/cpu.cfs_quota_us": "-1\n",
                "cpu/jobs/7/cpu.cfs_period_us": "100000\n",
                "cpu/jobs/cpu.cfs_quota_us": "30000\n",
                "cpu/jobs/cpu.cfs_period_us": "20000\n",
            },
            (1.5, math.inf),
        ),
        "version 1, a quota without a period": (V1, {"cpu/jobs/7/cpu.cfs_quota_us": "250000\n"}, NONE),
        "version 1, a controller whose name begins alike": (
            "3:cpuset,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "1000\n", "cpu/a/cpu.cfs_period_us": "1000\n"},
            NONE,
        ),
        "both versions": (
            V1 + V2,
            {
                "cpu/jobs/7/cpu.cfs_quota_us": "300000\n",
                "cpu/jobs/7/cpu.cfs_period_us": "100000\n",
                "user.slice/cpu.max": "200000 100000\n",
                "memory.max": "1000\n",
            },
            (2.0, 1000.0),
        ),
    }.values(),
)  # fmt: skip
def test_the_least_limit_of_a_group_and_those_above_holds(
    tmp_path: Path, groups: str, files: dict[str, str | bytes], expected: tuple[float, float]
) -> None:
    assert allowed(tmp_path, groups, files) == expected


@pytest.mark.parametrize(
    "groups", [None, "", "\n", "0\n", "0:\n", "::::", "0::", b"\xff\0:\xfe:\n", "0::/" + "x" * 9000]
)
def test_a_list_of_groups_that_is_missing_or_makes_no_sense_limits_nothing(
    tmp_path: Path, groups: str | bytes | None
) -> None:
    assert allowed(tmp_path, groups, {"a/cpu.max": "1000 1000"}) == NONE


@pytest.mark.parametrize(
    "text", ["", "\n", "garbage", "0 100000", "-5 100000", "100000 0", "100000", "max", "1e5 100000", b"\xff\xfe\0"]
)
def test_a_quota_that_makes_no_sense_limits_nothing(tmp_path: Path, text: str | bytes) -> None:
    assert allowed(tmp_path, "0::/a\n", {"a/cpu.max": text}) == NONE
    v1 = {"cpu/b/cpu.cfs_quota_us": text.split()[0] if text.split() else text, "cpu/b/cpu.cfs_period_us": "0"}
    assert allowed(tmp_path, "0:cpu:/b\n", v1) == NONE


@pytest.mark.parametrize("text", ["", "garbage", "-1", b"\0\0\0"])
def test_a_limit_of_memory_that_makes_no_sense_limits_nothing(tmp_path: Path, text: str | bytes) -> None:
    assert (
        allowed(tmp_path, "0::/a\n0:memory:/a\n", {"a/memory.max": text, "memory/a/memory.limit_in_bytes": text})
        == NONE
    )


def test_numbers_beyond_every_type_are_the_largest(tmp_path: Path) -> None:
    assert allowed(tmp_path, "0::/a\n", {"a/memory.max": "9" * 40, "a/cpu.max": "9" * 40 + " 1"}) == (2.0**63, 2.0**63)


def test_a_file_that_may_not_be_read_limits_nothing(tmp_path: Path) -> None:
    (tmp_path / "sys/fs/cgroup/a/cpu.max").mkdir(parents=True)
    assert allowed(tmp_path, "0::/a\n", {}) == NONE


def test_however_long_the_path_of_a_group_limits_above_it_hold(tmp_path: Path) -> None:
    group = "/" + "/".join(["g" * 200] * 12)
    assert allowed(tmp_path, f"0::{group}\n", {f"{group[1:]}/cpu.max": "150000 100000"}) == (1.5, math.inf)
    assert allowed(tmp_path, f"0::{'/h' * 5000}\n", {"h/h/cpu.max": "250000 100000"}) == (2.5, math.inf)


def test_a_root_beyond_the_length_of_paths_has_no_limits() -> None:
    assert _kernels.allowance("/x" * 3000)[1:] == NONE


def test_this_process_is_asked_about_by_default() -> None:
    processors, quota, memory = _kernels.allowance()
    assert 1 <= processors <= len(os.sched_getaffinity(0))
    assert processors <= math.ceil(min(quota, 1e6))
    assert memory > 0
