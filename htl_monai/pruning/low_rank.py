"""Low-rank factorisation: every weight matrix becomes the product of two thin ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from htl_monai.pruning.compressor import Compressor
from htl_monai.pruning.matrices import matrices_to_weight, weight_to_matrices
from htl_monai.pruning.prunable import prunable_layers
from htl_monai.pruning.weight_sweep import Saving, WeightSweep, check_finite, savings_table

__all__ = ["LowRank", "LowRankSweep", "factor_rank"]


@dataclass(frozen=True)
class LowRank(Compressor):
    """Replace each weight matrix by its truncated singular value decomposition, the best of that rank.

    Of a weight seen as an ``m x n`` matrix (see :func:`~htl_monai.pruning.matrices.weight_to_matrices`; one matrix a
    group of a grouped convolution) two factors of ``r (m + n)`` parameters would be stored. The network computes
    with their product, which is the function of the factorised layer up to rounding. Biases and normalisation layers
    stay, as in pruning.

    Args:
        amount: fraction of a weight's parameters to save, in [0, 1); 0 leaves the weights as they are. The rank is
            ``max(1, floor((1 - amount) m n / (m + n)))``, so that even small amounts cut the rank: a square matrix has
            fewer parameters than its factors from half of its rank on.

    Example:
        >>> layer = nn.Linear(8, 8, bias=False)
        >>> with LowRank().sweep(layer, [0.5]).at(0.5):
        ...     int(torch.linalg.matrix_rank(layer.weight))
        2
    """

    def sweep(self, network: nn.Module, sparsities: Sequence[float]) -> LowRankSweep:
        """Return the sweep that factorises ``network`` to each of ``sparsities``."""
        return LowRankSweep(network, sparsities)


class LowRankSweep(WeightSweep):
    """All ranks of one network, after a single decomposition of each weight; see :class:`WeightSweep`.

    Memory: the factors, beside the copy of the dense weights; together they are smaller than the weights. A block
    costs the product of the factors.

    Raises:
        ValueError: a weight is not finite; or as :class:`WeightSweep`.
    """

    def __init__(self, network: nn.Module, sparsities: Sequence[float]) -> None:
        super().__init__(network, sparsities)
        check_finite(self._parameters)
        self._factors = {
            name: _Factors(self._parameters[name], layer, self.sparsities)
            for name, layer in prunable_layers(network).items()
        }

    def _layers_at(self, sparsity: float) -> pd.DataFrame:
        """Return the savings with ``rank``: NaN where the weight stays, because factors would not be smaller."""
        ranks = [factors.ranks[sparsity] for factors in self._factors.values()]
        table = savings_table(factors.saving(name, sparsity) for name, factors in self._factors.items())
        table.insert(2, "rank", [*(math.nan if rank is None else rank for rank in ranks), math.nan])
        return table

    def _key(self, sparsity: float) -> tuple[int | None, ...]:
        return tuple(factors.ranks[sparsity] if sparsity else None for factors in self._factors.values())

    def _apply(self, sparsity: float) -> None:
        for name, parameter in self._parameters.items():
            if self._factors[name].ranks[sparsity] is not None:
                parameter.detach().copy_(self._factors[name].product(sparsity))


class _Factors:
    """The factors of one weight, as far as the highest rank needs them, and the singular values of all ranks."""

    def __init__(self, weight: Tensor, layer: nn.Module, sparsities: Sequence[float]) -> None:
        self.weight, self.layer, self.size = weight, layer, weight.numel()
        # On the CPU: the same factors, whatever the device that mines.
        matrices = weight_to_matrices(weight.detach().cpu().float(), layer)
        self.n_matrices, self.m, self.n = matrices.shape
        self.ranks = {sparsity: factor_rank(self.m, self.n, sparsity) for sparsity in sparsities}
        highest = max((rank for rank in self.ranks.values() if rank is not None), default=0)
        if highest:
            left, values, right = torch.linalg.svd(matrices, full_matrices=False)
            # Clones: a slice would keep all singular vectors alive.
            self.left = (left * values.unsqueeze(1))[..., :highest].clone().to(weight.device)
            self.right = right[:, :highest].clone().to(weight.device)
            self.squares = values.double().square().sum(dim=0)
        else:
            self.squares = matrices.double().square().sum().reshape(1)

    def product(self, sparsity: float) -> Tensor:
        rank = self.ranks[sparsity]
        with torch.no_grad(), torch.autocast(self.left.device.type, enabled=False):
            return matrices_to_weight(self.left[..., :rank] @ self.right[:, :rank], self.weight, self.layer)

    def saving(self, name: str, sparsity: float) -> Saving:
        rank, energy = self.ranks[sparsity], float(self.squares.sum())
        if rank is None:
            return Saving(name, self.size, self.size, 0.0, energy)
        # What is cut off has the energy of the singular values that are (Eckart and Young).
        lost = float(self.squares[rank:].sum())
        return Saving(name, self.size, self.n_matrices * rank * (self.m + self.n), lost, energy)


def factor_rank(m: int, n: int, amount: float) -> int | None:
    """Return the rank at which the factors of an ``m x n`` matrix save ``amount``; None where the matrix stays.

    It stays at amount 0, and where even factors of rank 1 would not be smaller.

    Example:
        >>> factor_rank(64, 64, 0.75), factor_rank(1, 9, 0.75)
        (8, None)
    """
    # The rounding error of a fraction such as (1 - 0.9) * 10 must not cost a whole rank.
    rank = max(1, math.floor((1 - amount) * m * n / (m + n) + 1e-9))
    return rank if amount > 0 and rank * (m + n) < m * n else None
