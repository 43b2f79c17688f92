"""A classifier on the pooled features of another network."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

__all__ = ["pooled_classifier"]


def pooled_classifier(backbone: nn.Module, feature_channels: int, hidden_channels: int, num_classes: int) -> nn.Module:
    """Return a network that classifies what ``backbone`` sees, on features that keep their place in the image.

    Args:
        backbone: gives ``(N, feature_channels, H, W)``; ``activation``, the layer after it, is what can be explained.
        feature_channels: of the backbone's output.
        hidden_channels: of the layer between the pooled features and the classes.
        num_classes: how many logits it gives.

    Example:
        >>> import torch
        >>> pooled_classifier(nn.Conv2d(3, 4, 1), 4, 8, 2)(torch.zeros(1, 3, 5, 5)).shape
        torch.Size([1, 2])
    """
    return nn.Sequential(
        OrderedDict(
            backbone=backbone,
            activation=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            hidden=nn.Linear(feature_channels, hidden_channels),
            hidden_activation=nn.ReLU(),
            head=nn.Linear(hidden_channels, num_classes),
        )
    )
