"""Lets the processes that torchrun starts work together, on GPUs or on CPUs."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist


def device_of_process() -> torch.device:
    """Return the GPU of this process among those of its machine, or the CPU where there is none."""
    return torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if torch.cuda.is_available() else "cpu")


def join_processes(device: torch.device) -> None:
    """Join the other processes, by ``nccl`` on GPUs and by ``gloo`` on CPUs, unless that is done."""
    on_gpu = device.type == "cuda"
    if not dist.is_initialized():
        dist.init_process_group(backend="nccl" if on_gpu else "gloo")
    if on_gpu:
        torch.cuda.set_device(device)
