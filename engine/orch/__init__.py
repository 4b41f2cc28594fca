"""orch: declarative pipelines of phases, gates and commands."""

__version__ = "0.1.0"
