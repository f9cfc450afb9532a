"""The rooms: every module is in one, imports follow their order, one room knows streams, one place collects, no Python runs on rows."""

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
"""In the order of the data: a room imports from itself and from rooms before it."""
FOR_ALL = ("errors", "version")
BESIDE_CLI = ("__init__", "__main__", "api")

UNSTABLE = """
import sys, convkit
for reports, where in ((None, ()), (["sessions", "hits"], ["page=**", "goal!=x*", "host!=x"])):
    result = convkit.report([sys.argv[1]], reports, goals=sys.argv[2], where=where, sort="value")
    for output in sys.argv[3:]:
        result.render(output)
"""


def place_of(module: str) -> int | None:
    """Return the position of a module's room in ROOMS, None if it has none."""
    room = module.partition(".")[0]
    return ROOMS.index(room) if room in ROOMS else None


def folder_of(module: str) -> str:
    """Return the folder of a module, dotted."""
    return module.rpartition(".")[0]


def is_for_siblings(module: str) -> bool:
    """Return whether a module is a `_name.py`, unlike plug-ins and `__init__.py`."""
    return re.fullmatch(r"_[a-z]\w*", module.rpartition(".")[2]) is not None


def test_every_module_is_in_a_room() -> None:
    assert [module for module in MODULES if place_of(module) is None] == sorted([*BESIDE_CLI, *FOR_ALL])
    assert sorted(ROOMS) == sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_a_room_imports_only_from_rooms_before_it() -> None:
    """What is for all imports from no room, and nothing imports the package itself."""
    before = {module: range(len(ROOMS) if (place := place_of(module)) is None else place + 1) for module in MODULES}
    before |= {module: range(0) for module in FOR_ALL}
    assert {
        (module, other) for module in MODULES for other in imports_of(module) if other not in FOR_ALL and place_of(other) not in before[module]
    } == {("__init__", "api")}


def test_no_plugin_imports_another() -> None:
    """What several share is in a parser, in `asides` or in a `_name.py`, which is for its siblings alone."""
    plugin_modules = {f"{folder}.{name.replace('-', '_')}" for folder in PLUGIN_FOLDERS for name in plugins.names(folder)}
    assert {(module, other) for module in plugin_modules for other in imports_of(module) if other in plugin_modules} == set()
    siblings = {(module, other) for module in MODULES for other in imports_of(module) if is_for_siblings(other)}
    assert {folder_of(other) for _, other in siblings} <= set(PLUGIN_FOLDERS)
    assert {(module, other) for module, other in siblings if folder_of(module) != folder_of(other)} == set()
    assert {other for _, other in siblings} == {module for module in MODULES if is_for_siblings(module)} - plugin_modules


def test_only_the_command_line_knows_streams_and_exit_codes() -> None:
    """Click, too; and Rich but for the screen. Others raise errors, which have their codes, and return text."""
    others = [module for module in MODULES if module.partition(".")[0] != "cli"]
    assert {module for module in others if "click" in packages_of(module)} == set()
    assert {module for module in others if "rich" in packages_of(module)} == {"outputs.table"}
    streams = {"sys.stdout", "sys.stderr", "sys.exit", "print", "ExitCode", "convkit.errors.ExitCode", "SystemExit"}
    assert {module: used for module in others if (used := names_of(module) & streams)} == {"errors": {"ExitCode"}}


def test_importing_a_room_loads_no_data_frames() -> None:
    """`convkit --help` imports several."""
    asked = f"import sys, {', '.join(f'convkit.{room}' for room in ROOMS)}; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False, cwd=ROOT).returncode == 0


def test_no_public_name_is_a_room() -> None:
    """A room takes the name's place in the package once it is imported."""
    assert {"compare", "__version__"} <= set(convkit.__all__)
    assert set(convkit.__all__) & set(ROOMS) == set()


def test_imports_and_names_are_found() -> None:
    """Were they not, every rule about them would hold. They stand at the top of a module, in functions, and under TYPE_CHECKING."""
    assert {"core.plugins", "core.blocks", "core.document", "errors"} == set(imports_of("outputs.__init__"))
    assert set(imports_of("formats.combined")) == {"formats.parsers.clf"}
    assert {"core.stats", "analysis.analysis"} <= set(imports_of("reports.pages"))
    assert {"api", "version"} == set(imports_of("__init__"))
    assert {"click", "signal"} <= packages_of("cli.main")
    assert {"sys.stdout", "sys.stderr", "OutputError"} <= names_of("cli.terminal")


def test_rooms_that_describe_never_collect() -> None:
    """Reading collects what it reads; all else goes through one place."""
    collects = {"collect", "collect_all", "collect_async", "collect_batches"}
    collecting = {module for module in MODULES for node in attributes_of(module) if node.attr in collects}
    assert {module for module in collecting if module.partition(".")[0] not in {"files", "ingest"}} == {"core.collect"}
    lazy = {"formats", "goals", "sessions", "funnels", "reports"}
    assert {module for module in MODULES if module.partition(".")[0] in lazy and "core.collect" in imports_of(module)} == set()


def test_no_python_runs_on_rows() -> None:
    """But for objects of JSON, of which Polars reads whole batches: where one fails, Python looks for the lines that made it fail."""
    loops = {"map_elements", "map_batches", "map_groups", "map_rows", "iter_rows", "iter_slices", "apply"}
    looping = {(module, node.attr) for module in MODULES for node in attributes_of(module) if node.attr in loops}
    assert looping == {("formats.parsers.json_log", "map_batches")}


def test_nothing_unstable_runs() -> None:
    """With the variable set, Polars warns of every unstable function; warnings are errors here."""
    command = [sys.executable, "-W", "error", "-c", UNSTABLE, str(SAMPLE), str(EXAMPLE_GOALS)]
    environment = {**os.environ, "POLARS_WARN_UNSTABLE": "1"}
    done = subprocess.run([*command, *plugins.names("outputs")], capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
