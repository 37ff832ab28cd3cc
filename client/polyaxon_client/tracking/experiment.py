"""Experiments."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from time import time, time_ns
from typing import TYPE_CHECKING, Any, Union

from polyaxon_client.tracking import environment
from polyaxon_client.tracking.base import given, text_content
from polyaxon_client.tracking.environment import chained, tracked
from polyaxon_client.tracking.executing import ExecutingRun
from polyaxon_client.workers.values import Number, as_number

if TYPE_CHECKING:
    from polyaxon_client.client import PolyaxonClient

Timestamp = Union[datetime, float, str]


class Experiment(ExecutingRun):
    """One training run. Inside of a managed run ``Experiment()`` is that run; elsewhere ``create()`` it.

    Args:
        experiment_id: continue to track an experiment that exists. group_id: the group of a new one.
        The others: see :class:`polyaxon_client.tracking.base.Run`.
    """

    kind = "experiments"
    info_variable = "POLYAXON_EXPERIMENT_INFO"
    info_key = "experiment_name"

    def __init__(
        self,
        project: str | None = None,
        experiment_id: int | None = None,
        group_id: int | None = None,
        client: PolyaxonClient | None = None,
        track_logs: bool = True,
        track_code: bool = True,
        track_env: bool = True,
        outputs_store: Any = None,
        track_git: bool | None = None,
    ) -> None:
        self.group_id = group_id
        self._latest = 0
        super().__init__(project, experiment_id, client, track_logs, track_code, track_env, outputs_store, track_git)

    @property
    def experiment_id(self) -> int | None:
        return self.entity_id

    @chained
    def create(
        self,
        name: str | None = None,
        framework: str | None = None,
        backend: str | None = None,
        tags: Any = None,
        description: str | None = None,
        content: Any = None,
        build_id: int | None = None,
        base_outputs_path: str | None = None,
    ) -> Experiment:
        """Create the experiment outside of the platform; nothing inside of a managed run. Returns itself.

        Raises:
            PolyaxonHTTPError: the server refuses (unknown project, bad name). When it is away, nothing is
                raised: the experiment is created as soon as it is back.
        """
        if self.is_managed:
            return self
        body = given(
            name=name,
            framework=framework,
            backend=backend or "other",
            tags=tags,
            description=description,
            content=text_content(content),
            build_job=None if build_id is None else str(build_id),
            experiment_group=self.group_id,
            run_env=self._run_env(),
        )
        self._create({**body, "is_managed": False})
        self._begin_executing(base_outputs_path, self.group_id)
        return self

    def log_metrics(self, *, step: Any = None, timestamp: Timestamp | None = None, **metrics: Any) -> None:
        """Record metric values of one moment. Costs the caller a few microseconds, whatever the server does.

        Args:
            step: position in the training, such as the epoch; an integer.
            timestamp: when, by default now: a datetime (without zone: UTC), seconds since 1970 or ISO text.
            metrics: numbers, or anything with ``item()``; ``None`` records nothing.
        """
        sender = self._sender
        if sender is None:
            return
        if timestamp is None:
            # What was logged in one call stays together by its time: no two calls have the same microsecond.
            now = time_ns() // 1000
            self._latest = now = now if now > self._latest else self._latest + 1
            moment = now / 1_000_000
        else:
            moment = self._moment(timestamp)
        for value in metrics.values():
            if type(value) is not float:
                metrics = self._numbers(metrics)
                break
        if metrics:
            position = step if step is None or type(step) is int else self._step(step)
            sender.point(self._target, (moment, position, metrics))

    @tracked
    def log_framework(self, framework: str) -> None:
        self._patch("framework", framework)

    @tracked
    def get_experiment_info(self) -> Any:
        """Names and uuids of this experiment, its project and group. Raises outside of a run."""
        return environment.get_info("EXPERIMENT")

    @tracked
    def get_params(self) -> Any:
        """The parameters that the platform resolved for this run. Raises outside of a run."""
        return environment.get_params()

    get_declarations = get_params

    @tracked
    def get_task_info(self) -> Any:
        return environment.get_task_info()

    @tracked
    def get_cluster_def(self) -> Any:
        return environment.get_cluster_def()

    @tracked
    def get_tf_config(self, envvar: str = "TF_CONFIG") -> Any:
        """The configuration that TensorFlow expects of distributed runs; also exported under ``envvar``."""
        cluster, task = self.get_cluster_def(), self.get_task_info()
        config = {
            "cluster": cluster,
            "task": task,
            "model_dir": self.get_outputs_path(),
            "environment": "cloud",
        }
        environment.export(envvar, json.dumps(config))
        return config

    def _run_env(self) -> Any:
        if not self.track_env or self._sender is None:
            return None
        from polyaxon_client.tracking.run_env import get_run_env  # noqa: PLC0415

        return get_run_env()

    def _numbers(self, metrics: dict[str, Any]) -> dict[str, Number]:
        values: dict[str, Number] = {}
        for name, value in metrics.items():
            try:
                number = as_number(value)
            except Exception as error:  # noqa: BLE001 - `item()` of a foreign type may raise anything
                self._warn("value", f"metric {name!r} is left out: {value!r:.100}: {error}")
                continue
            if number is not None:
                values[name] = number
        return values

    def _step(self, step: Any) -> int | None:
        try:
            return int(as_number(step) or 0)
        except Exception as error:  # noqa: BLE001 - as above
            self._warn("step", f"step {step!r:.100} is left out, it is not a whole number: {error}")
            return None

    def _moment(self, timestamp: Timestamp) -> float:
        try:
            return _unix(timestamp)
        except (TypeError, ValueError, OverflowError, OSError) as error:
            self._warn("timestamp", f"timestamp {timestamp!r:.100} is not a time, now is taken: {error}")
            return time()


def _unix(timestamp: Timestamp) -> float:
    """Seconds since 1970."""
    if isinstance(timestamp, str):
        moment = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    elif isinstance(timestamp, datetime):
        moment = timestamp
    else:
        # Raises for what no calendar has.
        return datetime.fromtimestamp(float(timestamp), timezone.utc).timestamp()
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
