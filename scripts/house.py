"""Figures of the house, held by the floors in house_floors.json: they may become better and never worse.

Counted are the files of the product: the package, and what runs on hosts (plugins, playbooks, roles). An import is one
statement and one target module of the same tree; statements for types only and those inside functions count too. It
stays inside where both files have the same folder (`policy`, `flow`; of operations each one's own, as in
`operations/rightsize`). A circle is a set of files of which each reaches every other one by imports.

`house --keep` writes what became better into the floors.

`house --trace rightsize --apply --yes -i INVENTORY` carries a command out under a tracer and counts the files that
somebody has to read to follow it once: those of the package with a function entered, those that Ansible loads for its
playbooks, and those of the runner that a host has, with the acts that its steps name and what undoes them.
`house --record …` does the same and writes the counts into house_trace.json, from where they are printed afterwards.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import threading
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGE = "selextract_infra"
FLOORS = Path(__file__).with_name("house_floors.json")
TRACE = Path(__file__).with_name("house_trace.json")
_HOST_FOLDERS = ("plugins", "playbooks", "roles")
_DATA = {".pyc", ".png", ".gz"}
_NAMED_BY_ANSIBLE = {"FilterModule", "LookupModule"}  # each plugin's class has to be called that
_HOST_PROGRAM = "plugins/modules/host_program.py"
_RUNNER = "plugins/module_utils/state/runner.py"
_REGISTRY = "plugins/module_utils/state/registry.py"
_CEILINGS = ("circles", "doubled_classes")
_FUNCTION = 0x01 | 0x02  # CO_OPTIMIZED and CO_NEWLOCALS: neither a module nor the body of a class


def product_files(root: Path, *folders: str) -> list[Path]:
    """The text files below some folders, links and caches left out."""
    files = (path for folder in folders for path in sorted((root / folder).rglob("*")))
    return [path for path in files if path.is_file() and not path.is_symlink() and path.suffix not in _DATA]


def lines(files: list[Path]) -> int:
    """Lines of some files together."""
    return sum(path.read_text(encoding="utf-8").count("\n") for path in files)


def python(files: list[Path]) -> list[Path]:
    """The files of Python among them; programs of the lab's own app are none of the product."""
    return [path for path in files if path.suffix == ".py" and "lab/stack/" not in path.as_posix()]


def imports(root: Path) -> list[tuple[str, str]]:
    """Every import of a module of the product by another one, as dotted names."""
    files = python(product_files(root, PACKAGE, "plugins"))
    modules = {_dotted(root, path): path for path in files}
    return [
        (module, target)
        for module, path in modules.items()
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for target in sorted(_targets(module, path, statement, modules))
        if target != module
    ]


def _dotted(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _targets(module: str, path: Path, statement: ast.AST, modules: Mapping[str, Path]) -> set[str]:
    if isinstance(statement, ast.Import):
        return {alias.name for alias in statement.names if alias.name in modules}
    if not isinstance(statement, ast.ImportFrom):
        return set()
    base = statement.module or ""
    if statement.level:
        package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
        above = package[: len(package) - statement.level + 1]
        base = ".".join([*above, base] if base else above)
    base = base.removeprefix("ansible_collections.selextract.infra.")
    names = {f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base for alias in statement.names}
    return names & modules.keys()


def folder(module: str) -> str:
    """The folder of a module below the package; of an operation, its own."""
    parts = module.split(".")[1:]
    return "/".join(parts[:2]) if parts[:1] == ["operations"] else "".join(parts[:1])


def circles(edges: list[tuple[str, str]]) -> list[list[str]]:
    """Sets of modules that reach each other (Tarjan's algorithm), each in alphabetical order."""
    below: dict[str, set[str]] = {}
    for module, target in edges:
        below.setdefault(module, set()).add(target)
    reach = {module: _reached(module, below) for module in below}
    rings = {
        tuple(sorted(other for other in reach[module] if module in reach.get(other, ())))
        for module in below
        if module in reach[module]
    }
    return [list(ring) for ring in sorted(rings)]


def _reached(module: str, below: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(below[module])
    while waiting:
        target = waiting.pop()
        if target not in reached:
            reached.add(target)
            waiting += below.get(target, ())
    return reached


def doubled_classes(root: Path) -> list[str]:
    """Names of classes that exist more than once in the product."""
    names = Counter(
        node.name
        for path in python(product_files(root, PACKAGE, *_HOST_FOLDERS))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    return sorted(name for name, count in names.items() if count > 1 and name not in _NAMED_BY_ANSIBLE)


def comments(root: Path) -> float:
    """Comments in 1,000 lines of the product's Python."""
    files = python(product_files(root, PACKAGE, *_HOST_FOLDERS))
    count = sum(
        token.type == tokenize.COMMENT and not token.string.startswith("#!")
        for path in files
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    )
    return 1000 * count / lines(files)


def figures(root: Path) -> dict[str, Any]:
    """All figures by name."""
    package, host = product_files(root, PACKAGE), product_files(root, *_HOST_FOLDERS)
    edges = imports(root)
    own = [edge for edge in edges if all(module.split(".")[0] == PACKAGE for module in edge)]
    inside = sum(folder(module) == folder(target) for module, target in own)
    return {
        "package_files": len(python(package)),
        "package_lines": lines(python(package)),
        "host_files": len(host),
        "host_lines": lines(host),
        "imports": len(own),
        "imports_inside_percent": round(100 * inside / len(own), 1),
        "circles": circles(edges),
        "doubled_classes": doubled_classes(root),
        "comments_per_1000_lines": round(comments(root), 1),
    }


def held(now: Mapping[str, Any]) -> dict[str, float]:
    """The figures that have a floor (shares) or a ceiling (counts)."""
    counts = {name: len(now[name]) for name in _CEILINGS}
    return {name: now[name] for name in ("imports_inside_percent", "comments_per_1000_lines")} | counts


def compared(now: Mapping[str, float], floors: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """What is worse than its floor or ceiling, and what is better."""
    gains = {name: (floors[name] - now[name]) if name in _CEILINGS else (now[name] - floors[name]) for name in floors}
    return [name for name, gain in gains.items() if gain < 0], [name for name, gain in gains.items() if gain > 0]


def show(now: Mapping[str, Any]) -> None:
    """Print the table, and each circle and doubled name."""
    print(f"package                         {now['package_files']:6,} files of Python {now['package_lines']:8,} lines")
    print(f"plugins, playbooks, roles       {now['host_files']:6,} files           {now['host_lines']:8,} lines")
    print(f"imports that stay inside        {now['imports_inside_percent']:6} % of {now['imports']:,}")
    print(f"circles of imports              {len(now['circles']):6}")
    for ring in now["circles"]:
        print(f"    {len(ring)}: {', '.join(ring[:6])}{' …' if len(ring) > 6 else ''}")
    print(f"class names that exist twice    {len(now['doubled_classes']):6}  {', '.join(now['doubled_classes'])}")
    print(f"comments in 1,000 lines         {now['comments_per_1000_lines']:6}")


class Tracer:
    """Notes the files of the package with a function entered, the playbooks that were run, and their steps' acts."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.playbooks: set[str] = set()
        self.acts: set[str] = set()

    def __call__(self, frame: FrameType, event: str, value: Any) -> None:
        """What `sys.setprofile` calls; ``value`` is what a function returns."""
        code = frame.f_code
        if event == "return" and code.co_name == "acts_of" and code.co_filename.startswith(str(ROOT)):
            self.acts |= {str(act.name) for act in value or ()}
        if event != "call" or f"/{PACKAGE}/" not in code.co_filename or code.co_flags & _FUNCTION != _FUNCTION:
            return
        self.files.add(code.co_filename)
        if code.co_filename.endswith("/hosts/ansible_process.py"):
            requests = (getattr(value, "playbook", None) for value in frame.f_locals.values())
            self.playbooks |= {str(name) for name in requests if name}


def loaded(root: Path, playbooks: set[str], acts: Iterable[str] = ()) -> list[Path]:
    """What Ansible loads for playbooks: task files, roles, modules, plugins, and what those import of the host side.

    Where a host is given its own program, that one's runner too; of the registry only what has one of these ``acts``.
    """
    waiting = [root / "playbooks" / f"{name.rpartition('.')[2]}.yml" for name in playbooks]
    edges, files = imports(root), set[Path]()
    while waiting:
        path = waiting.pop()
        if path in files or not path.is_file():
            continue
        files.add(path)
        if path == root / _HOST_PROGRAM:
            waiting.append(root / _RUNNER)
        if path.suffix == ".py":
            imported = [_file(root, target) for module, target in edges if module == _dotted(root, path)]
            registered = path == root / _REGISTRY
            waiting += [
                file
                for file in imported
                if file.is_relative_to(root / "plugins") and not (registered and _other_act(file, acts))
            ]
        else:
            waiting += _named_in(root, path)
    return sorted(files)


def _other_act(file: Path, acts: Iterable[str]) -> bool:
    """Whether a file has acts, and none of these."""
    own = set(re.findall(r'Act\(\s*"(\w+)"', file.read_text(encoding="utf-8"))) if file.is_file() else set()
    return bool(own) and not own & set(acts)


def _file(root: Path, module: str) -> Path:
    path = root / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _named_in(root: Path, path: Path) -> Iterator[Path]:
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"(?:(?:import|include)_tasks|import_playbook): *([\w/.]+\.yml)", text):
        yield from (path.parent / name, root / "playbooks" / name)
    for name in re.findall(r"selextract\.infra\.(\w+)", text):
        yield from (root / "plugins" / kind / f"{name}.py" for kind in ("modules", "lookup", "filter", "action"))
        yield from product_files(root, *(f"roles/{name}/{part}" for part in ("tasks", "handlers", "defaults")))


def by_folder(root: Path, files: Iterable[Path]) -> dict[str, int]:
    """How many of some files stand in each folder of the first two levels, those with most first."""
    parents = Counter("/".join(path.relative_to(root).parts[:-1][:2]) for path in files)
    return dict(sorted(parents.items(), key=lambda item: (-item[1], item[0])))


def trace(words: list[str], *, record: bool = False) -> int:
    """Carry a command out under the tracer and print the files to read; ``record`` writes their number down."""
    sys.path.insert(0, str(ROOT))
    sys.argv = ["selextract-infra", *words]
    from selextract_infra.cli import main

    tracer, code = Tracer(), 0
    threading.setprofile(tracer)
    sys.setprofile(tracer)
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    entered, host = sorted(Path(name).resolve() for name in tracer.files), loaded(ROOT, tracer.playbooks, tracer.acts)
    for path in (*entered, *host):
        print(path.relative_to(ROOT))
    traced = {
        "command": " ".join(word for word in words if word == words[0] or word.startswith("--")),
        "package": by_folder(ROOT, entered),
        "playbooks": sorted(tracer.playbooks),
        "host": by_folder(ROOT, host),
    }
    show_trace(traced)
    if record and code == 0:
        TRACE.write_text(json.dumps(traced, indent=2) + "\n", encoding="utf-8")
    return code


def show_trace(traced: Mapping[str, Any]) -> None:
    """Print how many files somebody reads to follow a command once."""
    package, host = sum(traced["package"].values()), sum(traced["host"].values())
    print(f"files to read for one run       {package + host:6}  ({package} of the package, {host} on the host side;")
    print(f"                                        {traced['command']})")


def check(*, keep: bool = False) -> int:
    """Print the figures; 1 where one is worse than its floor. ``keep`` writes the better ones down."""
    now, floors = figures(ROOT), json.loads(FLOORS.read_text(encoding="utf-8"))
    show(now)
    if TRACE.is_file():
        show_trace(json.loads(TRACE.read_text(encoding="utf-8")))
    present = held(now)
    worse, better = compared(present, floors)
    for name in worse:
        print(f"worse than before: {name} is {present[name]:g}, it was {floors[name]:g}", file=sys.stderr)
    if keep:
        text = json.dumps({name: floors[name] if name in worse else present[name] for name in floors}, indent=2)
        FLOORS.write_text(text + "\n", encoding="utf-8")
    elif better:
        print(f"better than scripts/{FLOORS.name}: {', '.join(better)}; scripts/house --keep holds it")
    return 1 if worse else 0


if __name__ == "__main__":
    if sys.argv[1:2] in (["--trace"], ["--record"]):
        sys.exit(trace(sys.argv[2:] or ["rightsize", "--apply", "--yes"], record=sys.argv[1] == "--record"))
    else:
        sys.exit(check(keep=sys.argv[1:] == ["--keep"]))
