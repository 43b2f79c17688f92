"""What is run: a network with its way in, its inferer and its way back, of any bundle, run or TorchScript file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from monai.inferers import Inferer
from monai.transforms import Compose, Invertd, MapTransform
from monai.utils import CommonKeys as Keys
from torch import Tensor, nn

from htl_monai.data.files import read_json
from htl_monai.data.readers.listing import IMAGE_KEYS, LABEL_KEYS
from htl_monai.models.bundle_configs import BundleConfigs
from htl_monai.models.bundles import bundle_config, find_bundle, own_bundles
from htl_monai.models.classes import class_entries
from htl_monai.models.model_record import FIRST_BUNDLE, HEAT_MAPS, NETWORK, read_model_record
from htl_monai.models.torchscript import read_torchscript, torchscript_config
from htl_monai.networks.weights import load_weights

__all__ = ["Model"]

# What `bind` may name besides entries of the configs: keys of the samples, and of the network's output.
_KEYS = ("image", "label", "output")
# A network that classifies localizes by where it looks, and is held against masks.
_OF_TASK = {"heat_map_localization": {"inferer": "heat_map_inferer", "preprocessing": "evaluate#preprocessing"}}


@dataclass(frozen=True)
class Model:
    """Weights and the configs that say how they are run; a part is built when it is first asked for.

    Made by :meth:`from_bundle`, :meth:`from_run` or :meth:`from_torchscript`.

    Args:
        bundle: the folder of the configs; of a TorchScript file the file itself.
        weights: the checkpoint, or the TorchScript file.
        entries: config entries that describe the network and its input, where they are known apart from the configs.
        heat_maps: config entries of the heat maps that it was mined or is shipped with.
        data: the data list of the run that it comes from, or None.
        bind: the config entries, by role, and the keys of image and label in a sample, where they have other names
            than in the model zoo; and that of the output that counts.
        task: the name of what it does; None where the metadata say it.
        device: where to run; None for what the configs say.
        images_only: prepare images alone, as the inference does, where the configs have a way for that.
        is_torchscript: whether the weights bring their network with them.
    """

    bundle: Path
    weights: Path
    entries: dict[str, Any] = field(default_factory=dict)
    heat_maps: dict[str, Any] = field(default_factory=dict)
    data: Path | None = None
    bind: Mapping[str, str] = field(default_factory=dict)
    task: str | None = None
    device_name: str | None = None
    images_only: bool = False
    is_torchscript: bool = False

    @classmethod
    def from_bundle(
        cls, folder: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None, **options: Any
    ) -> Model:
        """Return the model of a bundle; its configs are code, and a line on standard error says so of a foreign one.

        Args:
            folder: the name of one of the package's bundles, or the path of any bundle's folder.
            weights: a checkpoint, read as plain tensors; the bundle's ``models/model.pt`` by default.
            options: ``bind``, ``task``, ``device_name`` and ``images_only`` of the class.

        Raises:
            FileNotFoundError: there is no such bundle, or no weights.
        """
        bundle = find_bundle(os.fspath(folder))
        path = Path(weights) if weights is not None else bundle / "models" / "model.pt"
        if not path.is_file():
            raise FileNotFoundError(f"model must come with {path}; train the bundle, or give a checkpoint")
        described = read_json(bundle_config(bundle, "inference.json"), "") if bundle in own_bundles().values() else {}
        return cls(bundle, path.resolve(), *_split(described), **options)

    @classmethod
    def from_run(cls, path: str | os.PathLike[str], **options: Any) -> Model:
        """Return a network that a run trained; what lies beside the weights is data, and none of it is run.

        Args:
            path: a run's folder (its dense network), or a checkpoint. The ``provenance.json`` beside it names one of
                the package's bundles and describes the network, see
                :func:`~htl_monai.models.model_record.read_model_record`; without one it is taken to be of the network
                that ``lesion_localization`` ships.

        Raises:
            FileNotFoundError: there is no such checkpoint.
            ValueError: the record is no plain data.
        """
        weights = Path(path) / "training" / "dense.pt" if Path(path).is_dir() else Path(path)
        if not weights.is_file():
            raise FileNotFoundError(f"model must be a run's folder with {weights}, or a checkpoint; check the path")
        record, data = weights.parent / "provenance.json", weights.resolve().parent.parent / "preparing" / "data.json"
        bundle, entries = read_model_record(record) if record.is_file() else (find_bundle(FIRST_BUNDLE), {})
        if not {*NETWORK} & entries.keys():
            entries = read_json(bundle_config(bundle, "inference.json"), "install the package again")
        return cls(bundle, weights.resolve(), *_split(entries), data if data.is_file() else None, **options)

    @classmethod
    def from_torchscript(cls, path: str | os.PathLike[str], task: str | None = None, **options: Any) -> Model:
        """Return a network that ``torch.jit.save`` or MONAI's ``ckpt_export`` wrote; images go in as they are stored.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"model must be a TorchScript file, got {path}, which is not there; check the path")
        return cls(Path(path).resolve(), Path(path).resolve(), task=task, is_torchscript=True, **options)

    @cached_property
    def configs(self) -> BundleConfigs:
        """The configs, with what is known of the network apart from them."""
        bind = {role: entry for role, entry in self.bind.items() if role not in _KEYS}
        if self.is_torchscript:
            return BundleConfigs(str(self.weights), {}, torchscript_config(), bind, True)
        configs = BundleConfigs.read(self.bundle, bind, self.images_only)
        configs.rename(_OF_TASK.get(self.task or "", {}))
        configs.update({**self.entries, **self.heat_maps, **self.class_entries, "bundle_root": str(self.bundle)})
        if self.device_name is not None:
            configs.update({"device": f"$torch.device({self.device_name!r})"})
        return configs

    @cached_property
    def class_entries(self) -> dict[str, Any]:
        """The config entries ``num_classes`` and ``classes`` of a run's network that classifies."""
        own = self.bundle in own_bundles().values()
        return class_entries(self.weights, self.bundle, self.data) if own else {}

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The bundle's ``metadata.json``, or what was exported with a TorchScript file; empty where there is none."""
        if self.is_torchscript:
            return read_torchscript(self.weights)[1]
        path = self.bundle / "configs" / "metadata.json"
        found = read_json(path, f"correct the bundle {self.bundle}") if path.is_file() else {}
        if self.class_entries:  # of a run, which may have been trained on other classes than its bundle
            number, names = self.class_entries["num_classes"], self.class_entries["classes"]
            output = found["network_data_format"]["outputs"]["pred"]
            if names is not None or number != output["num_channels"]:
                named = None if names is None else {str(place): name for place, name in enumerate(names)}
                output |= {"num_channels": number, "channel_def": named}
        return found

    @cached_property
    def device(self) -> torch.device:
        """Where the network is."""
        wanted = self.device_name or self.configs.find("device") or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            return torch.empty(0, device=wanted).device
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"device must be one of this machine's, got {wanted}; use cpu") from error

    @cached_property
    def network(self) -> nn.Module:
        """The network with its weights, in evaluation mode on the device."""
        device = self.device
        if self.is_torchscript:
            return read_torchscript(self.weights)[0].to(device).eval()
        network = self.configs.get("network")
        if not isinstance(network, nn.Module):
            raise TypeError(
                f"network of {self.bundle} must be a torch.nn.Module, got {type(network).__name__}; name its entry "
                "with --bind network=ENTRY"
            )
        load_weights(network, self.weights)
        return network.to(device).eval()

    @cached_property
    def inferer(self) -> Inferer:
        """What runs the network on a batch, sliding windows included."""
        return self.configs.get("inferer")

    @cached_property
    def amp(self) -> bool:
        """Whether its own evaluator runs the network in mixed precision, on a GPU."""
        return bool(self.configs.find("amp"))

    @cached_property
    def preprocessing(self) -> Compose:
        """From an item of a data list to what the network takes; a missing label is passed over."""
        steps = self.configs.get("preprocessing")
        return steps if isinstance(steps, Compose) else Compose(steps)

    @cached_property
    def postprocessing(self) -> Compose | None:
        """What the bundle does with a sample after the network, but for writing files; None where it does nothing."""
        return self.configs.find("postprocessing")

    @cached_property
    def image_key(self) -> str:
        """What a sample calls its image."""
        return self._key("image", IMAGE_KEYS)

    @cached_property
    def label_key(self) -> str:
        """What a sample calls its label; ``label`` where the preprocessing does not read it."""
        try:
            return self._key("label", LABEL_KEYS)
        except KeyError:
            return str(Keys.LABEL)

    @property
    def output(self) -> str | int | None:
        """Which of several outputs of the network counts: its key, or its number in a list; None for the usual one."""
        name = self.bind.get("output")
        return int(name) if name is not None and str(name).isdecimal() else name

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys of a sample that the preprocessing reads first."""
        steps = [step for step in self.preprocessing.flatten().transforms if isinstance(step, MapTransform)]
        return tuple(str(key) for key in steps[0].keys) if steps else ()

    def prepare(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the network takes of an item of a data list, whose keys are ours, by the bundle's own keys."""
        renamed = {self.image_key: item[Keys.IMAGE]}
        if Keys.LABEL in item:
            renamed[self.label_key] = item[Keys.LABEL]
        return dict(self.preprocessing(renamed))

    @torch.no_grad()
    def predict(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``image``, ``label`` (where there is one) and ``pred``, what the network says, of a batch."""
        inputs = batch[self.image_key].to(self.device)
        output = {Keys.IMAGE: inputs, Keys.PRED: self.inferer(inputs, self.network)}
        label = batch.get(self.label_key)
        if label is not None:
            output[Keys.LABEL] = label.to(self.device) if isinstance(label, Tensor) else label
        return {str(key): value for key, value in output.items()}

    @cached_property
    def restoring(self) -> Compose:
        """The steps of the postprocessing up to the one that inverts the preprocessing.

        Raises:
            ValueError: there is none.
        """
        steps: Sequence[Any] = self.postprocessing.flatten().transforms if self.postprocessing is not None else ()
        index = next((index for index, step in enumerate(steps) if isinstance(step, Invertd)), None)
        if index is None:
            raise ValueError(f"postprocessing of {self.bundle} must hold Invertd, got none; add it")
        return Compose(steps[: index + 1])

    @cached_property
    def restores(self) -> bool:
        """Whether the postprocessing brings ``pred`` back to the original size and geometry."""
        steps: Sequence[Any] = self.postprocessing.flatten().transforms if self.postprocessing is not None else ()
        return any(isinstance(step, Invertd) and Keys.PRED in step.keys for step in steps)

    def restore(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Bring ``pred`` (and what else the bundle brings) of one sample back to the original size and geometry.

        Args:
            sample: what :meth:`prepare` returned, and ``pred`` without the batch's dimension.
        """
        return dict(self.restoring(dict(sample)))

    def _key(self, role: str, usual: Sequence[str]) -> str:
        names = (self.bind[role],) if role in self.bind else usual
        found = next((name for name in names if name in self.keys), None)
        if found is None:
            raise KeyError(
                f"{role} must be a key that the preprocessing of {self.bundle} takes, got "
                f"{', '.join(names)} where it takes {', '.join(self.keys) or 'no dictionary'}; name it with "
                f"--bind {role}=KEY"
            )
        return found


def _split(entries: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    network, heat_maps = ({key: entries[key] for key in keys if key in entries} for keys in (NETWORK, HEAT_MAPS))
    return network, heat_maps
