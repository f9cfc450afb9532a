"""The rooms (top-level packages): imports follow their order, only one uses streams, one module collects, and no Python code runs per row."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from places import EXAMPLE_GOALS, PACKAGE, PLUGIN_FOLDERS, ROOT, SAMPLE
from syntax_trees import MODULES, attributes_of, imports_of, names_of, packages_of

import convkit
from convkit.core import plugins

ROOMS = (
    "core",
    "files",
    "formats",
    "goals",
    "ingest",
    "traffic",
    "sessions",
    "funnels",
    "analysis",
    "reports",
    "outputs",
    "engine",
    "comparison",
    "diagnosis",
    "authoring",
    "cli",
)
"""The rooms in the order of the data flow: a room imports only from itself and from the rooms before it."""
SHARED_MODULES = ("errors", "version")
ENTRY_POINTS = ("__init__", "__main__", "api")

UNSTABLE = """
import sys, convkit
for reports, where in ((None, ()), (["sessions", "hits"], ["page=**", "goal!=x*", "host!=x"])):
    result = convkit.report([sys.argv[1]], reports, goals=sys.argv[2], where=where, sort="value")
    for output in sys.argv[3:]:
        result.render(output)
"""


def place_of(module: str) -> int | None:
    """Return the position of a module's room in ROOMS, or None if it is in no room."""
    room = module.partition(".")[0]
    return ROOMS.index(room) if room in ROOMS else None


def folder_of(module: str) -> str:
    """Return a module's folder as a dotted name."""
    return module.rpartition(".")[0]


def is_private(module: str) -> bool:
    """Return whether a module is a `_name.py`, as opposed to a plug-in or `__init__.py`."""
    return re.fullmatch(r"_[a-z]\w*", module.rpartition(".")[2]) is not None


def test_every_module_is_in_a_room() -> None:
    assert [module for module in MODULES if place_of(module) is None] == sorted([*ENTRY_POINTS, *SHARED_MODULES])
    assert sorted(ROOMS) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_a_room_imports_only_from_rooms_before_it() -> None:
    """Modules shared by all rooms import from no room, and no module imports the package itself."""
    before = {module: range(len(ROOMS) if (place := place_of(module)) is None else place + 1) for module in MODULES}
    before |= {module: range(0) for module in SHARED_MODULES}
    assert {
        (module, other) for module in MODULES for other in imports_of(module) if other not in SHARED_MODULES and place_of(other) not in before[module]
    } == {("__init__", "api")}


def test_no_plugin_imports_another() -> None:
    """Code shared by plug-ins is in a parser, in `asides` or in a `_name.py`, which only modules of the same folder import."""
    plugin_modules = {f"{folder}.{name.replace('-', '_')}" for folder in PLUGIN_FOLDERS for name in plugins.names(folder)}
    assert {(module, other) for module in plugin_modules for other in imports_of(module) if other in plugin_modules} == set()
    siblings = {(module, other) for module in MODULES for other in imports_of(module) if is_private(other)}
    assert {folder_of(other) for _, other in siblings} <= set(PLUGIN_FOLDERS)
    assert {(module, other) for module, other in siblings if folder_of(module) != folder_of(other)} == set()
    assert {other for _, other in siblings} == {module for module in MODULES if is_private(module)} - plugin_modules


def test_only_the_command_line_uses_streams_and_exit_codes() -> None:
    """The same goes for Click, and for Rich except in the table output. All other rooms return text and raise errors, which have exit codes."""
    others = [module for module in MODULES if module.partition(".")[0] != "cli"]
    assert {module for module in others if "click" in packages_of(module)} == set()
    assert {module for module in others if "rich" in packages_of(module)} == {"outputs.table"}
    streams = {"sys.stdout", "sys.stderr", "sys.exit", "print", "ExitCode", "convkit.errors.ExitCode", "SystemExit"}
    assert {module: used for module in others if (used := names_of(module) & streams)} == {"errors": {"ExitCode"}}


def test_importing_a_room_loads_no_data_frames() -> None:
    """`convkit --help` imports several rooms, and must be fast."""
    program = f"import sys, {', '.join(f'convkit.{room}' for room in ROOMS)}; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0


def test_no_public_name_is_the_name_of_a_room() -> None:
    """Once imported, the room would replace the public name in the package."""
    assert {"compare", "__version__"} <= set(convkit.__all__)
    assert set(convkit.__all__) & set(ROOMS) == set()


def test_imports_and_names_are_found() -> None:
    """Otherwise the rules about them would hold trivially. They may be at the top of a module, in functions, or under TYPE_CHECKING."""
    assert {"core.plugins", "core.blocks", "core.document", "errors"} == set(imports_of("outputs.__init__"))
    assert set(imports_of("formats.combined")) == {"formats.parsers.clf"}
    assert {"core.stats", "analysis.analysis"} <= set(imports_of("reports.pages"))
    assert {"api", "version"} == set(imports_of("__init__"))
    assert {"click", "signal"} <= packages_of("cli.main")
    assert {"sys.stdout", "sys.stderr", "OutputError"} <= names_of("cli.terminal")


def test_only_one_module_collects_queries() -> None:
    """Reading logs collects its own queries; all other queries are collected in `core.collect`."""
    collects = {"collect", "collect_all", "collect_async", "collect_batches"}
    collecting = {module for module in MODULES for node in attributes_of(module) if node.attr in collects}
    assert {module for module in collecting if module.partition(".")[0] not in {"files", "ingest"}} == {"core.collect"}
    lazy = {"formats", "goals", "sessions", "funnels", "reports"}
    assert {module for module in MODULES if module.partition(".")[0] in lazy and "core.collect" in imports_of(module)} == set()


def test_no_python_code_runs_per_row() -> None:
    """Functions that see whole batches: for JSON, to find invalid lines if a batch fails; and for unusual senders, user agents and values."""
    loops = {"map_elements", "map_batches", "map_groups", "map_rows", "iter_rows", "iter_slices", "apply"}
    looping = {(module, node.attr) for module in MODULES for node in attributes_of(module) if node.attr in loops}
    modules = ("core.conditions", "core.properties", "formats.parsers.json_log", "formats.parsers.requests", "ingest.store", "traffic.programs")
    assert looping == {(module, "map_batches") for module in modules}


def test_no_unstable_polars_function_is_used() -> None:
    """With the variable set, Polars warns about every unstable function, and warnings are errors here."""
    command = [sys.executable, "-W", "error", "-c", UNSTABLE, str(SAMPLE), str(EXAMPLE_GOALS)]
    environment = {**os.environ, "POLARS_WARN_UNSTABLE": "1"}
    process = subprocess.run([*command, *plugins.names("outputs")], capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert (process.returncode, process.stderr) == (0, "")
