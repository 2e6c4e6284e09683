"""The walls between the rooms: who may import whom, and who may open files or print. Read from the source with ast."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("pixeldream/**/*.py"), *ROOT.glob("plugins/*.py"), *ROOT.glob("palettes/*.py")])


def module_of(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    parts[0] = {"plugins": "pixeldream_plugins", "palettes": "pixeldream_palettes"}.get(parts[0], parts[0])
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): ast.parse(path.read_text("utf-8")) for path in SOURCES}


def type_only(tree: ast.Module) -> set[ast.AST]:
    """Nodes under ``if TYPE_CHECKING``: they import nothing at run time."""
    guarded: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            guarded.update(ast.walk(node))
    return guarded


def imports(module: str, top_level: bool = False) -> Iterator[str]:
    """Every module that ``module`` imports, also inside functions unless ``top_level``."""
    tree = MODULES[module]
    skipped = type_only(tree)
    inside = {n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.Lambda) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if node in skipped or (top_level and node in inside):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else str(node.module)


def within(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


FORBIDDEN = [
    ("pixeldream.canvas", ("pixeldream", "pixeldream_plugins", "pixeldream_palettes")),
    ("pixeldream.scenes", ("pixeldream", "pixeldream_plugins", "pixeldream_palettes")),
    ("pixeldream.retro", ("pixeldream.neural", "pixeldream.plugin", "pixeldream.cli", "pixeldream.api")),
    ("pixeldream.neural", ("pixeldream.retro", "pixeldream.plugin", "pixeldream.cli", "pixeldream.api")),
    ("pixeldream.neural", ("pixeldream_plugins", "pixeldream_palettes")),
    ("pixeldream.plugin", ("pixeldream.neural", "pixeldream.cli", "pixeldream.api", "pixeldream_plugins")),
]


@pytest.mark.parametrize(("room", "walls"), FORBIDDEN)
def test_rooms_keep_their_walls(room: str, walls: tuple[str, ...]) -> None:
    for module in MODULES:
        if within(module, room):
            crossed = [name for name in imports(module) if within(name, *walls) and not within(name, room)]
            assert not crossed, f"{module} imports {crossed}"


def test_only_the_command_line_imports_the_command_line() -> None:
    for module in MODULES:
        if not within(module, "pixeldream.cli") and module != "pixeldream.__main__":
            assert not [name for name in imports(module) if within(name, "pixeldream.cli")], module


def test_nobody_imports_a_plugin_by_name() -> None:
    for module in MODULES:
        crossed = [name for name in imports(module) if within(name, "pixeldream_plugins")]
        assert not crossed or within(module, "pixeldream_plugins"), f"{module} imports {crossed}"


def test_plugins_use_public_names_only() -> None:
    outside = {"jax", "numpy", "PIL", "__future__"}
    standard = set(__import__("sys").stdlib_module_names)
    for module in MODULES:
        if within(module, "pixeldream_plugins"):
            for name in imports(module):
                top = name.split(".")[0]
                ours = name == "pixeldream" or within(name, "pixeldream_plugins")
                assert ours or top in outside | standard, f"{module} imports {name}"


@pytest.mark.parametrize(
    "module", [m for m in MODULES if within(m, "pixeldream_plugins", "pixeldream.plugin.registry")]
)
def test_what_runs_at_every_start_imports_nothing_heavy(module: str) -> None:
    heavy = {"jax", "flax", "optax", "PIL", "scipy"}
    assert not [name for name in imports(module, top_level=True) if name.split(".")[0] in heavy]


def test_there_are_no_import_cycles() -> None:
    graph = {module: {name for name in imports(module, top_level=True) if name in MODULES} for module in MODULES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"import cycle: {' -> '.join([*path, module])}"
        if module not in done:
            for name in graph[module]:
                visit(name, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


OPENERS = {
    "pixeldream.images", "pixeldream.retro.palette", "pixeldream.neural.weights.files",
    "pixeldream.neural.weights.fetching", "pixeldream.neural.checkpoint",
}  # fmt: skip


def calls(module: str) -> Iterator[str]:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id
            elif isinstance(node.func, ast.Attribute):
                yield "." + node.func.attr


def test_files_are_opened_in_a_few_places_only() -> None:
    verbs = {"open", ".write_bytes", ".write_text", ".read_bytes", ".read_text"}
    for module in MODULES:
        if module not in OPENERS and not within(module, "pixeldream.cli"):
            assert not verbs & set(calls(module)), f"{module} opens files"


def test_only_the_command_line_prints() -> None:
    for module in MODULES:
        if not within(module, "pixeldream.cli"):
            assert "print" not in set(calls(module)), f"{module} prints"


def test_nothing_is_unpickled() -> None:
    for module in MODULES:
        assert not [name for name in imports(module) if name.split(".")[0] in {"pickle", "dill", "joblib", "shelve"}]
