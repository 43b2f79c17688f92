"""Wires a handler's methods to the events of an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ignite.engine import Engine


class Handler:
    """A handler that says in ``events`` which of its methods hears which event of its engine, if it is ``wanted``."""

    events: ClassVar[Mapping[Any, str]]
    wanted = True

    def attach(self, engine: Engine) -> None:
        """Attach to the engine; a second call changes nothing."""
        for event, name in self.events.items() if self.wanted else ():
            method = self if name == "__call__" else getattr(self, name)
            if not engine.has_event_handler(method, event):
                engine.add_event_handler(event, method)
