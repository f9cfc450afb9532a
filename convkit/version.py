"""The version of convkit; packaging and `--version` read it from here without importing anything else."""

__version__ = "0.1.0"
