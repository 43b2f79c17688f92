"""A run of MLflow that hears what a piece of work has to say, and never stops that work."""

from __future__ import annotations

import logging
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from htl_monai.data.files import read_note, write_atomically, write_json
from htl_monai.runs import layout

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["FAILED", "FINISHED", "MLflowRun", "tracking_uri"]

FINISHED, FAILED = "FINISHED", "FAILED"
_EXPERIMENT, _PARENT = "htl_monai", "mlflow.parentRunId"
_METRICS_AT_ONCE = 1000


def tracking_uri(wanted: str | None, run_dir: str | os.PathLike[str]) -> str:
    """Return where MLflow writes: as wanted, else by MLFLOW_TRACKING_URI, else into ``mlflow.db`` in a run's folder."""
    return wanted or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path(run_dir).absolute()}/mlflow.db"


class MLflowRun:
    """A run of MLflow that is told of a piece of work.

    What fails there is said once on standard error, then no more is told: no work is lost for it. MONAI's
    ``MLFlowHandler`` raises it into the training, goes on in any unfinished run of the same name, and knows neither
    parents nor failed runs. The experiment is ``htl_monai``, or that of MLFLOW_EXPERIMENT_NAME.

    Args:
        uri: where MLflow writes.
        name: of the run.
        run_id: that of a run which somebody else began, and will end.
    """

    def __init__(self, uri: str, name: str, run_id: str | None = None) -> None:
        self.uri, self.name, self.run_id = uri, name, run_id or ""
        self.is_own, self.failed = not run_id, False

    def begin(
        self,
        record: Path,
        tags: Mapping[str, str] | None = None,
        of: str = "",
        parent: str | None = None,
        reopen: bool = False,
    ) -> MLflowRun:
        """Go on in the run whose id a file holds, or create one and note its id there.

        Args:
            record: a JSON file.
            tags: what to find it by.
            of: what the work is made from; a run of something else is not gone on with.
            parent: the id of the run in which this one is nested.
            reopen: go on in a finished run, too.
        """

        def tell(client: MlflowClient) -> None:
            note, labels = read_note(record), dict(tags or {}) | ({_PARENT: parent} if parent else {})
            if note.get("of") == of and _may_go_on(client, note.get("run_id"), reopen):
                self.run_id = note["run_id"]
                client.update_run(self.run_id, status="RUNNING")
                for name, value in labels.items():
                    client.set_tag(self.run_id, name, value)
                return
            experiment = _experiment(client, self.uri)
            self.run_id = client.create_run(experiment, run_name=self.name, tags=labels).info.run_id
            write_json(record, {"run_id": self.run_id, "of": of})

        self._tell(tell)
        return self

    def settings(self, values: Mapping[str, Any]) -> None:
        """Tell settings as MLflow's params: text, cut where it is longer than MLflow takes."""

        def tell(client: MlflowClient) -> None:
            from mlflow.entities import Param
            from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, MAX_PARAM_VAL_LENGTH, MAX_PARAMS_TAGS_PER_BATCH

            params = [
                Param(_allowed(name)[:MAX_ENTITY_KEY_LENGTH], str(value)[:MAX_PARAM_VAL_LENGTH])
                for name, value in values.items()
            ]
            for start in range(0, len(params), MAX_PARAMS_TAGS_PER_BATCH):
                client.log_batch(self.run_id, params=params[start : start + MAX_PARAMS_TAGS_PER_BATCH])

        self._tell(tell)

    def numbers(self, steps: Callable[[], Iterable[tuple[int, Mapping[str, float]]]]) -> None:
        """Tell numbers step by step, such as epoch by epoch, as MLflow's metrics; NaN, nothing measured, is not told.

        Args:
            steps: makes them; what fails in it is no failure of the work, either.
        """

        def tell(client: MlflowClient) -> None:
            from mlflow.entities import Metric

            now = int(1000 * time.time())
            told = [(name, float(value), step) for step, values in steps() for name, value in values.items()]
            metrics = [Metric(_allowed(name), value, now, step) for name, value, step in told if not math.isnan(value)]
            for start in range(0, len(metrics), _METRICS_AT_ONCE):
                client.log_batch(self.run_id, metrics=metrics[start : start + _METRICS_AT_ONCE])

        self._tell(tell)

    def config(self, config: Mapping[str, Any]) -> None:
        """Keep a config as an artifact."""
        self._tell(lambda client: client.log_dict(self.run_id, dict(config), "config.json"))

    def files(self, paths: Iterable[Path], below: Path) -> None:
        """Keep files as artifacts, in the folders in which they lie below another."""

        def tell(client: MlflowClient) -> None:
            for path in paths:
                folder = path.parent.relative_to(below).as_posix()
                client.log_artifact(self.run_id, str(path), None if folder == "." else folder)

        self._tell(tell)

    def end(self, status: str) -> None:
        """End it as finished or failed."""
        self._tell(lambda client: client.set_terminated(self.run_id, status))

    def _tell(self, tell: Callable[[MlflowClient], None]) -> None:
        if self.failed:
            return
        try:
            tell(_client(self.uri))
        except Exception as error:
            self.failed = True
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            print(f"{self.name} goes on, and MLflow is told no more of it: {reason}", file=sys.stderr)


def _client(uri: str) -> MlflowClient:
    # Unless the user says so, nothing is sent to MLflow's makers, and no server that is gone holds up work for minutes.
    for name, value in (("MLFLOW_DISABLE_TELEMETRY", "true"), ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")):
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):  # they tell of each table of a new database, and of errors that they raise, too
        logging.getLogger(name).setLevel(logging.CRITICAL)
    database = _database(uri)
    if database is not None and not database.exists():  # half a one, of a process that was killed, cannot be used
        write_atomically(database, lambda path: MlflowClient(f"sqlite:///{path}"))
    return MlflowClient(uri)


def _database(uri: str) -> Path | None:
    """Return the file of an SQLite database."""
    found = re.match(r"sqlite:///([^?]+)", uri)
    return Path(found[1]).absolute() if found else None


def _may_go_on(client: MlflowClient, run_id: str | None, reopen: bool) -> bool:
    from mlflow.exceptions import MlflowException

    if not run_id:
        return False
    try:
        info = client.get_run(run_id).info
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    return info.lifecycle_stage == "active" and (reopen or info.status != FINISHED)


def _experiment(client: MlflowClient, uri: str) -> str:
    """Return the id of the experiment; where it must be created, artifacts lie beside a SQLite file, as MONAI's do."""
    from mlflow.exceptions import MlflowException

    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
    found = client.get_experiment_by_name(name)
    if found is None:
        database = _database(uri)
        beside = None if database is None else (database.parent / layout.MLFLOW_FILES).as_uri()
        try:
            return str(client.create_experiment(name, artifact_location=beside))
        except MlflowException:  # another process was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _allowed(name: str) -> str:
    """Return a name without the characters that MLflow refuses."""
    return re.sub(r"[^\w\-. :/]", "_", name)
