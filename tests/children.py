"""Python processes of their own, for what a test cannot see from within: forks, pools, signals, a fresh import."""

from __future__ import annotations

import os
import subprocess
import sys

DEADLINE = 120  # seconds; import takes most of them on a busy machine, and only a hang reaches it


def run(*arguments: str, **environment: str) -> str:
    """Run Python with these arguments, without the thread settings of this process; gives what it printed."""
    inherited = {name: value for name, value in os.environ.items() if name != "WENGERT_NUM_THREADS"}
    process = subprocess.run(
        [sys.executable, *arguments],
        env={**inherited, "OPENBLAS_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()
