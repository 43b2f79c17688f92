"""Writes the box of a mask beside the pictures that MONAI writes."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import FolderLayout
from monai.transforms import MapTransform

from htl_monai.clinic.finding import found_class, found_lesion
from htl_monai.data.files import write_json


class SaveBoxd(MapTransform):
    """Write size, box and area of a mask, and the class of its picture, as JSON; the data go on unchanged.

    MONAI has a writer of pictures and none of boxes. Files lie as ``SaveImaged`` without a separate folder would lay
    them: ``<output_dir>/<folders below data_root_dir>/<name>_<output_postfix>.json``.

    Args:
        keys: masks ``(1, H, W)`` at the size of the picture, with the picture's path in ``meta["filename_or_obj"]``.
        output_dir: where the files go.
        output_postfix: the end of their names.
        data_root_dir: the folder of the pictures, whose subfolders are kept.
        class_key: where the probabilities ``(C,)`` of the classes are; None where there are none.
        classes: the names of the classes, or None.
        allow_missing_keys: skip data without the key.

    Raises:
        KeyError: ``class_key`` is not there.
        ValueError: a mask has another shape.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | os.PathLike[str],
        output_postfix: str = "box",
        data_root_dir: str | os.PathLike[str] = "",
        class_key: str | None = None,
        classes: Sequence[str] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.class_key = class_key
        self.classes = classes
        self.layout = FolderLayout(
            output_dir, output_postfix, extension=".json", parent=False, data_root_dir=data_root_dir
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        for key in self.key_iterator(dict(data)):
            mask, path = np.asarray(data[key]), data[key].meta["filename_or_obj"]
            if mask.ndim != 3 or len(mask) != 1:
                raise ValueError(f"{key} must be a mask (1, H, W), got {mask.shape} of {path}; threshold it before")
            found = {"image": str(path)} | found_lesion(mask[0])
            if self.class_key is not None:
                if self.class_key not in data:
                    raise KeyError(
                        f"class_key must be a key of the data, got {self.class_key!r}, which have "
                        f"{', '.join(str(name) for name in data)}; add the handler ClassProbabilities"
                    )
                found |= found_class(data[self.class_key], self.classes)
            write_json(self.layout.filename(path), found)
        return dict(data)
