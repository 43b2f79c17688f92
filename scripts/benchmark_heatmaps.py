"""Measures the heat maps of a batch against one forward and one full backward pass of the same network."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

import numpy as np
import torch
from benchmark_loops import interleaved
from benchmark_table import Row, circumstances, closing_table
from monai.networks.nets import BasicUNet
from rich.console import Console
from torch import Tensor, nn

from htl_monai.data.files import write_json
from htl_monai.engines.heat_map_inferer import HeatMapInferer
from htl_monai.engines.precision import PRECISIONS, PrecisionInferer
from htl_monai.networks.prepare import prepare_network

FEATURES = [32, 32, 64, 128, 256, 32]
LAYERS = ("upcat_1.convs.conv_1", "final_conv")
REACH = 1.3


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all measurements, print the table and write it."""
    options = _parse(arguments)
    load = os.getloadavg()[0]
    console = Console(width=None if os.isatty(1) else 120)
    device = torch.device(options.device)
    rows: list[Row] = []
    for precision in options.precision:
        console.print(f"{options.method} of {options.batch} images in {precision}", highlight=False)
        rows += heat_map_rows(options, precision, device, lambda text: console.print(text, highlight=False))
    console.print(closing_table(rows, "Heat maps"))
    if options.out:
        settings = {name: vars(options)[name] for name in ("method", "layer", "batch", "size", "repeats")}
        table = {"rows": [row.record() for row in rows], "load_average_at_start": load, **settings}
        write_json(options.out, {**table, **circumstances(device)})
        console.print(f"written: {options.out}")


def heat_map_rows(
    options: argparse.Namespace, precision: str, device: torch.device, say: Callable[[str], None]
) -> list[Row]:
    """Time one precision; the ratios are taken within a round."""
    torch.manual_seed(0)
    features = [8, 8, 8, 8, 8, 8] if options.quick else FEATURES
    network = prepare_network(BasicUNet(2, 3, 2, features, act=("relu", {"inplace": False}), norm="batch"), device)
    images = torch.rand(options.batch, 3, *options.size, device=device).contiguous(memory_format=torch.channels_last)
    balance(network.eval(), images)
    infer = PrecisionInferer(precision)
    contenders: dict[str, Callable[[], object]] = {"both": lambda: forward_and_backward(network, images, infer)}
    for layer in options.layer:
        inferer = HeatMapInferer(precision, method=options.method, layer=layer)
        contenders[layer] = lambda inferer=inferer: inferer(images, network)  # type: ignore[misc]
    taken = {name: np.array(values) for name, values in interleaved(contenders, options.repeats, device, say).items()}
    rows = [Row(f"forward and full backward, {precision}, ms an image", 1e3 * taken["both"] / options.batch)]
    for layer in options.layer:
        rows += [
            Row(f"heat maps at {layer}, {precision}, ms an image", 1e3 * taken[layer] / options.batch),
            Row(f"heat maps at {layer} / forward and backward, {precision}", taken[layer] / taken["both"], REACH, True),
        ]
    return rows


def balance(network: nn.Module, images: Tensor) -> None:
    """Shift the bias so that the untrained network calls half of the pixels lesion: a map needs some foreground."""
    with torch.no_grad():
        logits = network(images)
        network.final_conv.bias[0] += (logits[:, 1] - logits[:, 0]).float().median()  # type: ignore[union-attr,index,operator]


def forward_and_backward(network: nn.Module, images: Tensor, infer: PrecisionInferer) -> None:
    """Sum the foreground logits and take their gradient for every weight, as a step of training does."""
    network.zero_grad(set_to_none=True)
    infer(images, network)[:, 1].sum().backward()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", default="GradCAMPlusPlus", help="method of the grad-cam package")
    parser.add_argument("--layer", action="append", help=f"layer of the U-Net (default: {' and '.join(LAYERS)})")
    parser.add_argument("--precision", action="append", choices=list(PRECISIONS), help="fp32 or bf16 (default: both)")
    parser.add_argument("--batch", type=int, help="images in a batch (default: 32)")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="of an image (default: 96 128)")
    parser.add_argument("--repeats", type=int, help="rounds that count, after one that warms up (default: 5)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    parser.add_argument("--out", help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="a smoke run: few small images, numbers mean nothing")
    options = parser.parse_args(arguments)
    options.layer = options.layer or list(LAYERS)
    options.precision = options.precision or list(PRECISIONS)
    options.batch = options.batch or (2 if options.quick else 32)
    options.size = options.size or ([32, 32] if options.quick else [96, 128])
    options.repeats = options.repeats or (1 if options.quick else 5)
    return options


if __name__ == "__main__":
    main()
