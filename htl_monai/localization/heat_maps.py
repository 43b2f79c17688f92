"""Shows where a network looks: one heat map an image, by the grad-cam package's methods, a batch at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stderr

import torch
from torch import Tensor, nn

from htl_monai.localization.cam_layer import LayerOutput, find_layer, kept_output, undisturbed
from htl_monai.localization.cam_methods import cam_method
from htl_monai.localization.cam_targets import Target, image_targets
from htl_monai.networks.wrapping import unwrapped


class HeatMaps:
    """Compute the heat maps of a batch with one forward pass and a backward pass that stops at the layer.

    Attend Who is Weak, Algorithm 3 localizes with GradCAM++. The maps are those of the grad-cam package; by itself it
    would take the gradients of every layer and clear those of the parameters.

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
        if len(inputs) == 0:
            return inputs.new_zeros((0, 1, *inputs.shape[2:]), dtype=torch.float32)
        with ExitStack() as stack:
            stack.enter_context(undisturbed(network))
            kept = stack.enter_context(kept_output(network, name, layer))
            runner = _Runner(network, self.forward, kept, class_index)
            cam = self.method(runner, [layer], reshape_transform=Tensor.float)  # numpy has no bfloat16
            stack.callback(cam.activations_and_grads.release)
            runner.needs_gradients = cam.uses_gradients
            stack.enter_context(redirect_stderr(io.StringIO()))  # ScoreCAM draws a progress bar for every image
            maps = torch.from_numpy(cam(inputs, runner.targets)).to(inputs.device)[:, None]
        maps.masked_fill_(runner.empty.to(inputs.device).view(-1, 1, 1, 1), 0)
        # Infinite logits can have a finite map, and NaN ones an empty one: neither shows where the network looks.
        broken = ~torch.isfinite(cam.outputs.detach()).flatten(1).all(dim=1)
        return maps.masked_fill_(broken.to(inputs.device).view(-1, 1, 1, 1), torch.nan)


class _Runner(nn.Module):
    """The network as the package runs it: first on the images themselves, and for some methods again.

    What is explained is what the first output shows: a method that runs it again asks for the same class or pixels.
    """

    def __init__(
        self,
        network: nn.Module,
        run: Callable[[Tensor, nn.Module], Tensor],
        kept: LayerOutput,
        class_index: int | Sequence[int] | Tensor | None,
    ) -> None:
        super().__init__()
        self.network, self.run, self.kept, self.class_index = network, run, kept, class_index
        self.needs_gradients = False
        self.targets: list[Target] = []

    def forward(self, inputs: Tensor) -> Tensor:
        output = self.run(inputs, self.network)
        if self.targets:
            return output
        self.kept.require_one()
        targets, self.empty = image_targets(output, self.class_index, len(inputs))
        if self.needs_gradients and not output.requires_grad:
            raise ValueError(
                f"layer must lead to the output of the network, got {self.kept.name!r}, which does not; name another"
            )
        self.targets += targets
        return output.as_subclass(Tensor)  # type: ignore[attr-defined,no-any-return]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Leave the gradients of a training as they are."""
