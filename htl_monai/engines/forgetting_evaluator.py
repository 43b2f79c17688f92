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

from htl_monai.metrics.finite import are_finite, require_finite
from htl_monai.metrics.segmentation import segmentation_scores
from htl_monai.pruning import Compressor, WeightSweep

__all__ = ["ForgettingEvaluator"]


class ForgettingEvaluator(SupervisedEvaluator):
    """Score every image under the dense network and under each sparsity of it, reading the data once.

    Each batch is loaded and moved to the device once and goes through the network ``1 + S`` times (Attend Who is Weak,
    Algorithm 1, lines 3 and 4). The weights are sorted once per run, pruned in place and restored bit for bit. Images
    without label are scored against what the dense network says of them (Algorithms 2 and 3): a drop is then a
    disagreement.

    Args:
        device: where to run.
        val_data_loader: batches with ``id``, ``image`` and, where there are labels, ``label``.
        network: the dense network, wrapped for several processes or not.
        pruner: what ranks the weights; or another compressor, such as ``LowRank`` or ``Quantization``.
        sparsities: the fractions of weights to remove (of a compressor, its amounts), each in [0, 1).
        scores: maps ``(pred, label)`` to scores of shape ``(N,)`` by name; without labels ``(pred, dense pred)``.
        inferer: how to run the network; MONAI's ``SimpleInferer`` by default.
        prepare_batch: takes image and label from a batch, and where the inferer needs more, its further positional and
            named inputs.
        non_blocking: copy to the device asynchronously.
        val_handlers: handlers, attached in order.
        folded: run a folded copy of the network where that says the same, faster, see
            :class:`~htl_monai.pruning.inference_form.InferenceForm`; an inferer that ``looks_inside`` gets the network.
            Scores differ by rounding from those without.

    An image whose output is NaN or infinite, at whatever sparsity, stops the run with an error that names it.

    Writes: ``engine.state.output`` with ``image``, ``label`` (None without), ``pred`` (of the dense network),
        ``dense_scores`` (``(N,)`` float64 by name) and ``pruned_scores`` (``(N, S)`` float64 by name, in the order of
        ``sparsities``); ``engine.sweep`` during a run.
    """

    def __init__(
        self,
        device: torch.device,
        val_data_loader: Iterable[Any],
        network: nn.Module,
        pruner: Compressor,
        sparsities: Sequence[float],
        scores: Callable[[Tensor, Tensor], dict[str, Tensor]] = segmentation_scores,
        inferer: Inferer | None = None,
        prepare_batch: Callable[..., Any] = default_prepare_batch,
        non_blocking: bool = False,
        val_handlers: Sequence[Any] | None = None,
        folded: bool = False,
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
        )
        self.pruner = pruner
        self.sparsities = tuple(sparsities)
        self.scores = scores
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
        engine.state.output = {Keys.IMAGE: inputs, Keys.LABEL: targets}
        with engine.mode(engine.network):
            outputs = engine.sweep.outputs(lambda network: engine.inferer(inputs, network, *args, **kwargs))
            pred = next(outputs)
            engine.state.output[Keys.PRED] = pred
            reference = pred if targets is None else targets
            engine.state.output["dense_scores"] = engine.scores(pred, reference)
            after, finite = [], [are_finite(pred)]
            for pruned in outputs:
                after.append(engine.scores(pruned, reference))
                finite.append(are_finite(pruned))
            require_finite(torch.stack(finite, dim=1), batchdata["id"], (0.0, *engine.sparsities))
            engine.state.output["pruned_scores"] = {
                name: torch.stack([scores[name] for scores in after], dim=1)
                for name in engine.state.output["dense_scores"]
            }
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output
