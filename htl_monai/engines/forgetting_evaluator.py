"""Measures in one pass over the data what pruning makes a network forget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedEvaluator, default_prepare_batch
from monai.engines.utils import IterationEvents
from monai.inferers import Inferer
from monai.utils import CommonKeys as Keys
from torch import Tensor, nn

from htl_monai.data.readers.listing import name_first
from htl_monai.pruning import Compressor, WeightSweep
from htl_monai.tasks.finite import are_finite, require_finite
from htl_monai.tasks.task import Task

__all__ = ["ForgettingEvaluator"]


class ForgettingEvaluator(SupervisedEvaluator):
    """Score every image under the dense network and under each sparsity of it, reading the data once.

    Each batch is loaded and moved to the device once and goes through the network ``1 + S`` times (Attend Who is Weak,
    Algorithm 1, lines 3 and 4). The weights are sorted once per run, pruned in place and restored bit for bit. How
    far a pruned network agrees with the dense one (Algorithms 2 and 3), and the dense one's doubt, need no label.

    Args:
        device: where to run.
        val_data_loader: batches with ``id``, ``image`` and, where there are labels, ``label``.
        network: the dense network, wrapped for several processes or not.
        pruner: what ranks the weights; or another compressor, such as ``LowRank`` or ``Quantization``.
        sparsities: the fractions of weights to remove (of a compressor, its amounts), each in [0, 1).
        task: how the network's output is scored.
        inferer: how to run the network; MONAI's ``SimpleInferer`` by default.
        prepare_batch: takes image and label from a batch, and where the inferer needs more, its further positional and
            named inputs.
        non_blocking: copy to the device asynchronously.
        val_handlers: handlers, attached in order.
        folded: run a folded copy of the network where that says the same, faster, see
            :class:`~htl_monai.pruning.inference_form.InferenceForm`; an inferer that ``looks_inside`` gets the network.
            Scores differ by rounding from those without.
        amp: run the network in mixed precision where the device is a GPU, as MONAI's evaluators do.

    An image whose output is NaN or infinite, at whatever sparsity, stops the run with an error that names it.

    Writes: ``engine.state.output`` with ``image``, ``label`` (None without), ``pred`` (of the dense network), ``dense``
        (the task's scores by name, ``(N,)`` or ``(N, C)``), ``pruned`` (``(N, S)`` or ``(N, S, C)``, in the order of
        ``sparsities``), ``agreement`` of each pruned network with the dense one (``(N, S)``) and ``doubt`` of the dense
        one, with the ``plausibility`` of its labels (``(N,)``; empty for a network that returns masks);
        ``engine.sweep`` during a run.
    """

    def __init__(
        self,
        device: torch.device,
        val_data_loader: Iterable[Any],
        network: nn.Module,
        pruner: Compressor,
        sparsities: Sequence[float],
        task: Task,
        inferer: Inferer | None = None,
        prepare_batch: Callable[..., Any] = default_prepare_batch,
        non_blocking: bool = False,
        val_handlers: Sequence[Any] | None = None,
        folded: bool = False,
        amp: bool = False,
    ) -> None:
        super().__init__(
            device=device,
            val_data_loader=val_data_loader,
            network=network,
            inferer=inferer,
            prepare_batch=prepare_batch,
            non_blocking=non_blocking,
            val_handlers=val_handlers,
            decollate=False,
            amp=amp,
        )
        self.pruner = pruner
        self.sparsities = tuple(sparsities)
        self.task = task
        self.folded = folded and not getattr(inferer, "looks_inside", False)
        self.sweep: WeightSweep | None = None
        # After the handlers: one of them may load the weights when the run starts.
        self.add_event_handler(Events.STARTED, self._sort_weights)

    def _sort_weights(self, engine: Engine) -> None:
        self.sweep = self.pruner.sweep(self.network, self.sparsities)
        self.sweep.folded = self.folded

    def _iteration(self, engine: ForgettingEvaluator, batchdata: Mapping[str, Any]) -> dict[str, Any]:
        if engine.sweep is None:
            raise RuntimeError("the weights must be sorted before a batch is mined; start the evaluator with run()")
        inputs, targets, *more = engine.prepare_batch(batchdata, engine.state.device, engine.non_blocking)
        args, kwargs = more or ((), {})
        task, output = engine.task, {Keys.IMAGE: inputs, Keys.LABEL: targets}
        on_gpu = engine.amp and engine.state.device.type == "cuda"
        with engine.mode(engine.network), torch.autocast("cuda", enabled=on_gpu):
            outputs = map(
                task.select, engine.sweep.outputs(lambda network: engine.inferer(inputs, network, *args, **kwargs))
            )
            dense = next(outputs)
            output[Keys.PRED] = dense
            try:
                output["dense"] = task.scores(output)
            except ValueError as error:
                ids = [str(id_) for id_ in batchdata["id"]]
                raise ValueError(f"{error}; the batch is of {name_first(ids, len(ids))}") from error
            scores, agreement, finite = [], [], [are_finite(dense)]
            for pruned in outputs:
                scores.append(task.scores({Keys.PRED: pruned, Keys.LABEL: targets}))
                agreement.append(task.agreement(pruned, dense))
                finite.append(are_finite(pruned))
            require_finite(torch.stack(finite, dim=1), batchdata["id"], (0.0, *engine.sparsities))
            output |= {"pruned": _stacked(scores), "agreement": _stacked(agreement), "doubt": {}}
            if dense.is_floating_point():
                output["doubt"] = task.doubt(dense) | ({} if targets is None else task.plausibility(dense, targets))
        engine.state.output = output
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output


def _stacked(levels: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([values[name] for values in levels], dim=1) for name in levels[0]}
