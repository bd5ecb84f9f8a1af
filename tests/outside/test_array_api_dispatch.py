"""SciPy and scikit-learn, told to use the array API standard, compute with tensors what they compute with arrays."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

import children

SCRIPT = Path(__file__).parent / "dispatched.py"
# What gives one Python number, whatever the arrays are.
NUMBERS = {"accuracy_score", "f1_score", "r2_score", "mean_absolute_error"}


def names() -> list[str]:
    """The cases of the script, which this process cannot import."""
    tables = {
        node.target.id: [ast.literal_eval(key) for key in node.value.keys if key is not None]
        for node in ast.parse(SCRIPT.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Dict)
    }
    return [*tables["CASES"], *(f"gradient of {name}" for name in tables["GRADIENTS"])]


@pytest.fixture(scope="module")
def results() -> Any:
    for module in ("sklearn", "scipy", "array_api_compat"):
        pytest.importorskip(module, reason=f"{module}, which takes part, is not installed")
    return json.loads(children.run(str(SCRIPT), SCIPY_ARRAY_API="1"))


@pytest.mark.parametrize("name", names())
def test_it_is_the_same_of_tensors_and_of_arrays(name: str, results: Any) -> None:
    kind, difference = results[name]
    assert kind == ("float" if name in NUMBERS else "Tensor")
    assert difference < (1e-6 if name.startswith("gradient") else 1e-9)
