"""What a heat map of each image's own diagnosis needs of a batch."""

from __future__ import annotations

import pytest
import torch

from htl_monai.engines.diagnosis_batch import explain_diagnosis


def test_images_go_to_the_device_and_diagnoses_become_classes() -> None:
    batch = {"image": torch.rand(3, 3, 4, 5), "label": torch.tensor([2, 0, 1]), "id": ["a", "b", "c"]}
    images, label, args, kwargs = explain_diagnosis(batch, "cpu", non_blocking=True, dtype=torch.float64)
    assert torch.equal(images, batch["image"].double()) and images.dtype == torch.float64
    assert label is None  # nothing but the dense network's heat map is there to score against
    assert args == () and list(kwargs) == ["class_index"] and kwargs["class_index"].tolist() == [2, 0, 1]


def test_a_batch_without_diagnoses_is_refused() -> None:
    with pytest.raises(KeyError, match="label"):
        explain_diagnosis({"image": torch.rand(1, 3, 4, 5)})
