"""Shows where a network looks: one heat map an image, by the grad-cam package's methods, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from htl_monai.localization.cam_layer import find_layer, kept_output, undisturbed
from htl_monai.localization.cam_methods import GRADIENT_FREE, cam_images, cam_method
from htl_monai.localization.cam_targets import check_output, image_targets
from htl_monai.networks.wrapping import unwrapped


class HeatMaps:
    """Compute the heat maps of a batch with one forward pass and a backward pass that stops at the layer.

    Attend Who is Weak, Algorithm 3 localizes with GradCAM++. The maps are those of the grad-cam package called image by
    image; the package's own call would take the gradients of every layer and clear those of the parameters.

    The network may be wrapped for several processes, compiled, pruned in place, and in training mode (it runs in eval
    mode); its weights, gradients, modes and hooks are the same afterwards, also when the call raises.

    Args:
        method: one of :data:`~htl_monai.localization.cam_methods.METHODS`.
        layer: its dotted name in the network; None for the last convolution. GradCAMPlusPlus divides by a term that
            is zero for some negative activations, which magnifies rounding there: a layer that ends in a ReLU has none.
        forward: maps ``(inputs, network)`` to the network's output, in whatever precision; by default the plain call.

    Raises:
        ValueError: ``method`` is none that works; the message lists those that do.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
        >>> HeatMaps("GradCAM", layer="0")(torch.rand(5, 3, 16, 20), network).shape
        torch.Size([5, 1, 16, 20])
    """

    def __init__(
        self,
        method: str = "GradCAMPlusPlus",
        layer: str | None = None,
        forward: Callable[[Tensor, nn.Module], Tensor] | None = None,
    ) -> None:
        self.method, self.layer = cam_method(method), layer
        self.forward = forward or (lambda inputs, network: network(inputs))

    def __call__(
        self, inputs: Tensor, network: nn.Module, class_index: int | Sequence[int] | Tensor | None = None
    ) -> Tensor:
        """Return the heat maps of a batch.

        Args:
            inputs: ``(N, C, H, W)``, on the device of the network.
            network: returns the logits of classes ``(N, C)``, or of background and foreground ``(N, 2, H, W)``. Where
                it segments, the map explains the foreground logits summed over the image's own predicted foreground.
            class_index: the class to explain, one for all or one per image; None for the predicted one. None where
                the network segments.

        Returns:
            ``(N, 1, H, W)`` float32 in [0, 1] on the device of ``inputs``, scaled by the minimum and maximum of each
            image. All 0 where the unscaled map is constant or a segmentation network predicts no foreground; NaN
            where the network's output is not finite.
        """
        if inputs.ndim != 4:
            raise ValueError(f"inputs must be (N, C, H, W), got {tuple(inputs.shape)}; pass a batch of 2D images")
        inputs, network = inputs.detach().as_subclass(Tensor), unwrapped(network)  # type: ignore[attr-defined]
        name, layer = find_layer(network, self.layer)
        targets = image_targets(class_index, len(inputs))
        if len(inputs) == 0:
            return inputs.new_zeros((0, 1, *inputs.shape[2:]), dtype=torch.float32)
        with undisturbed(network):
            runner = _Runner(network, self.forward).eval()
            with kept_output(network, name, layer) as kept:
                output = check_output(runner(inputs), targets)
            activations = kept.single()
            score = torch.stack([target(one) for target, one in zip(targets, output, strict=True)]).sum()
            gradients = _gradients(score, activations, name) if self.method not in GRADIENT_FREE else None
            maps = cam_images(self.method, runner, inputs, targets, activations.detach(), gradients)
        empty = torch.stack([target.is_empty() for target in targets])
        maps = maps.to(inputs.device)[:, None].masked_fill_(empty.to(inputs.device).view(-1, 1, 1, 1), 0)
        # Infinite logits can have a finite map, and NaN ones an empty one: neither shows where the network looks.
        broken = ~torch.isfinite(output.detach()).flatten(1).all(dim=1)
        return maps.masked_fill_(broken.to(inputs.device).view(-1, 1, 1, 1), torch.nan)


class _Runner(nn.Module):
    """The network as a method of the package calls it when it needs further forward passes."""

    def __init__(self, network: nn.Module, run: Callable[[Tensor, nn.Module], Tensor]) -> None:
        super().__init__()
        self.network, self.run = network, run

    def forward(self, inputs: Tensor) -> Tensor:
        return self.run(inputs, self.network)


def _gradients(score: Tensor, activations: Tensor, name: str) -> Tensor:
    """Return the gradients of the images' scores, summed, for the activations; images do not mix in eval mode."""
    gradients = None
    if score.requires_grad:
        (gradients,) = torch.autograd.grad(score, activations, allow_unused=True)
    if gradients is None:
        raise ValueError(f"layer must lead to the output of the network, got {name!r}, which does not; name another")
    return gradients
