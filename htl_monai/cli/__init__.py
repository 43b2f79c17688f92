"""The command line ``htl``."""

from htl_monai.cli.program import main

__all__ = ["main"]
