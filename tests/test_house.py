"""The house keeps its order: arrows point down, values pass through doors, files and functions stay readable.

Only `ast` and the text of the sources are read. What is asked of them is said in `python/wengert/README.md`.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "wengert"
CSRC = ROOT / "csrc"

# From the ground up. A file belongs to the first floor that names it or its folder.
FLOORS = (
    ("_kernels", "_types", "_terminal"),
    ("core",),
    ("ops",),
    ("tensors",),
    ("autograd", "func"),
    ("tracing", "compiling", "layers", "linalg", "special", "memory", "machine", "processes", "random", "define",
     "settings", "version", "amp", "cuda", "mps", "xpu", "accelerator", "backends"),
    ("nn", "data", "distributions", "files"),
    ("optim",),
    ("distributed",),
    ("train",),
    ("d2l",),
    ("__init__", "__main__", "examples", "estimators", "utils", "array_api"),
)
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
# Who may import a module of ours late: faces that load a part of the library when it is first asked for.
LAZY = {"__init__", "__main__", "autograd", "examples", "examples.__main__", "nn", "nn.functional", "optim"}
LINES_OF_A_FUNCTION, LINES_OF_A_FILE = 60, 1000
# The floors that may look into a value; others ask it for these alone.
OF_A_VALUE = {"shape", "dtype", "ndim", "size"}


def module_of(path: Path) -> str:
    """The dotted name of a file below the package; of a folder's `__init__.py`, the folder's."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


SOURCES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@functools.cache  # not read before a test asks: every process of a parallel run imports this file
def tree_of(module: str) -> ast.Module:
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


@functools.cache
def nodes_of(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(module)))


def level(module: str) -> int:
    return FLOOR[module.split(".")[0]]


@functools.cache
def imports(module: str) -> tuple[tuple[str, ast.ImportFrom, bool], ...]:
    """The modules of ours that a file imports, the statement, and whether it is executed when the file is."""
    return tuple(_imports(module))


def _imports(module: str) -> Iterator[tuple[str, ast.ImportFrom, bool]]:
    inside = {
        id(node)
        for outer in nodes_of(module)
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or _is_type_check(outer)
        for node in ast.walk(outer)
    }
    is_folder = SOURCES[module].name == "__init__.py" and module != "__init__"
    here = [] if module == "__init__" else module.split(".")
    for node in nodes_of(module):
        if not isinstance(node, ast.ImportFrom) or (node.level == 0 and (node.module or "").split(".")[0] != "wengert"):
            continue
        if node.level:
            base = here if is_folder else here[:-1]
            base = base[: len(base) - node.level + 1] + (node.module.split(".") if node.module else [])
        else:
            base = (node.module or "").split(".")[1:]
        for alias in node.names:
            target = ".".join([*base, alias.name])
            if target not in SOURCES and target != "_kernels":
                target = ".".join(base) or "__init__"
            yield target, node, id(node) not in inside


def called(call: ast.Call) -> str:
    """The last part of the name of what is called, or nothing where it has none."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_type_check(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def test_every_file_has_a_floor() -> None:
    assert [name for name in SOURCES if name.split(".")[0] not in FLOOR] == []


def test_every_arrow_points_down() -> None:
    up = [
        f"{module} -> {target}"
        for module in SOURCES
        for target, _, _ in imports(module)
        if level(target) > level(module) and module not in LAZY
    ]
    assert up == []


def test_there_is_no_circle() -> None:
    below = {module: {target for target, _, now in imports(module) if now and target != module} for module in SOURCES}
    order: list[str] = []
    state: dict[str, int] = {}

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert state.get(module) != 1, f"a circle: {' -> '.join((*path[path.index(module) :], module))}"
        if module not in state:
            state[module] = 1
            for target in sorted(below.get(module, ())):
                # A folder's face imports its files; a file of the folder does not need the face to be ready.
                if not module.startswith(f"{target}."):
                    visit(target, (*path, module))
            state[module] = 2
            order.append(module)

    for module in SOURCES:
        visit(module, ())
    assert len(order) >= len(SOURCES)


def test_our_own_modules_are_imported_at_the_top() -> None:
    late = [
        f"{module}:{node.lineno}"
        for module in SOURCES
        for _, node, now in imports(module)
        if not now and module not in LAZY
    ]
    named = [
        f"{module}:{node.lineno}"
        for module in SOURCES
        for node in nodes_of(module)
        if isinstance(node, ast.Call)
        and called(node).endswith("import_module")
        and module not in LAZY
        and not isinstance(node.args[0], ast.Name)  # a name that is handed in: of an extra
    ]
    assert late + named == []


def test_nobody_takes_a_private_name_from_another_file() -> None:
    taken = [
        f"{module}:{node.lineno} {alias.name}"
        for module in SOURCES
        for target, node, _ in imports(module)
        for alias in node.names
        if alias.name.startswith("_")
        and not alias.name.startswith("__")
        and alias.name not in ("_kernels", "_types")
        and f"{target.rpartition('.')[0]}.{alias.name}".lstrip(".") not in SOURCES
    ]
    assert taken == []


def test_operations_are_made_in_core_and_ops() -> None:
    makers = {"Operation", "elementwise", "linear", "bilinear", "primitive", "computed"}
    outside = [
        f"{module}:{node.lineno} {ast.unparse(node.func)}"
        for module in SOURCES
        if module.split(".")[0] not in ("core", "ops", "autograd")
        for node in nodes_of(module)
        if isinstance(node, ast.Call) and called(node) in makers and _is_ours(module, node)
    ]
    assert outside == []


def _is_ours(module: str, call: ast.Call) -> bool:
    """Whether a call is of something imported from core: another thing may bear the same name."""
    name = ast.unparse(call.func).split(".")[0]
    return any(
        alias.asname == name or (alias.asname is None and alias.name == name)
        for target, node, _ in imports(module)
        if target.startswith("core")
        for alias in node.names
    )


def test_kernels_are_called_where_values_are_known() -> None:
    allowed = {"core", "ops", "data", "machine", "memory", "processes", "version", "__init__"}
    assert [
        f"{module}:{node.lineno}"
        for module in SOURCES
        for target, node, _ in imports(module)
        if target == "_kernels" and module.split(".")[0] not in allowed
    ] == []


def test_outside_core_a_value_is_asked_for_its_shape_and_dtype_alone() -> None:
    assert [found for module in SOURCES if module.split(".")[0] != "core" for found in _looks(module)] == []


def _looks(module: str) -> Iterator[str]:
    """Where a file does anything to `x._value` but ask it for what any value tells."""
    parents = {id(child): node for node in nodes_of(module) for child in ast.iter_child_nodes(node)}
    for node in nodes_of(module):
        if isinstance(node, ast.Attribute) and node.attr == "_value":
            parent = parents[id(node)]
            if not (isinstance(parent, ast.Attribute) and parent.attr in OF_A_VALUE):
                yield f"{module}:{node.lineno}"


def test_functions_fit_on_a_screen() -> None:
    long = []
    for module in SOURCES:
        lines = SOURCES[module].read_text(encoding="utf-8").splitlines()
        for node in nodes_of(module):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                start = body[0].lineno if body else node.lineno
                count = sum(1 for line in lines[start - 1 : node.end_lineno] if line.strip())
                if count > LINES_OF_A_FUNCTION:
                    long.append(f"{module}.{node.name}: {count}")
    assert long == []


def test_files_fit_into_a_head() -> None:
    assert {name: n for name in SOURCES if (n := _lines_without_docstrings(name)) > LINES_OF_A_FILE} == {}


def _lines_without_docstrings(module: str) -> int:
    lines = set(range(1, len(SOURCES[module].read_text(encoding="utf-8").splitlines()) + 1))
    for node in nodes_of(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def test_no_module_hides_a_name_that_its_folder_exports() -> None:
    hidden = []
    for module, path in SOURCES.items():
        if path.name == "__init__.py":
            siblings = {p.stem for p in path.parent.iterdir() if p.suffix == ".py" or p.is_dir()}
            exported = _exported(module)
            own = {a.asname or a.name for _, node, _ in imports(module) for a in node.names if not node.module}
            hidden += [f"{module}: {name}" for name in (siblings & exported) - own - {"random", "linalg"}]
    assert hidden == []


def _exported(module: str) -> set[str]:
    """The names in a file's `__all__`, as far as they stand there in letters."""
    found: set[str] = set()
    for node in tree_of(module).body:
        if not isinstance(node, (ast.Assign, ast.AugAssign)):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets) and isinstance(node.value, ast.List):
            found |= {e.value for e in node.value.elts if isinstance(e, ast.Constant)}
    return found


def test_every_exported_name_is_documented() -> None:
    lacking = []
    for module in SOURCES:
        exported = _exported(module)
        for node in tree_of(module).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in exported:
                overload = any("overload" in ast.unparse(d) for d in node.decorator_list)
                if not overload and not ast.get_docstring(node):
                    lacking.append(f"{module}.{node.name}")
    assert lacking == []


def test_what_ops_exports_the_library_exports() -> None:
    face = SOURCES["__init__"].read_text(encoding="utf-8")
    assert "from .ops import *" in face
    assert "__all__ += ops.__all__" in face
    ops = SOURCES["ops"].read_text(encoding="utf-8")
    exporting = {m.split(".")[1] for m in SOURCES if m.startswith("ops.") and _exported(m)}
    assert {m for m in exporting if f"from .{m} import *" not in ops or f"__all__ += {m}.__all__" not in ops} == set()


@pytest.mark.parametrize("table", ["unary.def", "binary.def"])
def test_every_kernel_of_the_tables_is_used(table: str) -> None:
    names = re.findall(r"^[A-Z_]+\((\w+)", (CSRC / table).read_text(encoding="utf-8"), re.M)
    assert len(names) > 3
    used = "".join(SOURCES[m].read_text(encoding="utf-8") for m in SOURCES if m.startswith(("ops.", "core.")))
    unused = [name for name in names if f'Elementwise("{name}"' not in used]
    assert unused == [name for name in unused if name == "copy"]  # which casts and strided copies use in C
