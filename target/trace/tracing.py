"""The trace of a rig, begun and ended at any time. What writes one is loaded when one is begun."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from target.plan import RigPlan

if TYPE_CHECKING:
    from target.library.library import Library
    from target.scsi.primary import PrimaryUnit
    from target.trace.recorder import Recorder

TRACE = "trace.jsonl"
"""In the folder of a run, unless another file is named."""


class Tracing:
    """Of all units and libraries of a rig, and of the changers that there are when it begins.

    One that is made later is within no host's reach before the next start of the rig.

    Methods raise ValueError or OSError with one sentence.
    """

    def __init__(
        self,
        plan: RigPlan,
        units: Mapping[str, PrimaryUnit],
        libraries: Mapping[str, Library],
    ) -> None:
        self._plan = plan
        self._units = units
        self._libraries = libraries
        self._guard = threading.Lock()
        self._recorder: Recorder | None = None

    def start(self, path: Path) -> None:
        """Write into that file from now on; what it held is gone."""
        from target.trace.recorder import Recorder

        with self._guard:
            if self._recorder is not None and self._recorder.writing:
                raise ValueError(f"a trace is written into {self._recorder.path}: stop it first")
            self._end()
            units = dict(self._units)
            for library in self._libraries.values():
                units |= library.changers
            try:
                self._recorder = Recorder(path, self._plan, units, self._libraries)
            except OSError as error:
                raise OSError(
                    f"the trace {path} cannot be written ({error.strerror}): name another file"
                ) from None

    def stop(self) -> Path:
        """End it; its file."""
        with self._guard:
            if self._recorder is None:
                raise ValueError("no trace is written: start one")
            path, whole = self._recorder.path, self._recorder.writing
            self._end()
            if not whole:
                raise ValueError(
                    f"the trace {path} ended before: it could not be written any more, see the"
                    " log of the target"
                )
            return path

    def close(self) -> None:
        """End it, if there is one."""
        with self._guard:
            self._end()

    def _end(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.stop()
