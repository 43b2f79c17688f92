"""Run a setting from its data to its report, on the data of a user or on drawn images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from htl_monai.cli.pairs import with_columns
from htl_monai.cli.threads_of_torch import use_free_cores
from htl_monai.runs.output_folder import require_own

if TYPE_CHECKING:
    from htl_monai.runs.plan import Plan

__all__ = ["demo", "run"]


def demo(out: str = "runs/demo", setting: str = "supervised", seed: int = 0) -> None:
    """Run everything on drawn images whose hard ones are known, in minutes on a CPU.

    Args:
        out: the run's folder; the drawn images lie in its folder phantom.
        setting: supervised, semi_supervised, weakly_supervised, chest_xray, or one of yours that has a demo.
        seed: of the images, and the first of the seeds that are trained.

    Examples:
        htl demo
        htl demo --setting chest_xray --out runs/demo_chest
    """
    use_free_cores()
    from htl_monai.report.console import print_run, say
    from htl_monai.runs.demo import run_demo

    print_run(run_demo(out, setting, seed, progress=True, say=say))


def run(
    setting: str,
    data: str,
    out: str,
    overlay: list[str] | None = None,
    seed: int | None = None,
    seeds: list[int] | None = None,
    arms: list[str] | None = None,
    columns: dict[str, Any] | None = None,
    set: dict[str, Any] | None = None,
    dry_run: bool = False,
) -> None:
    """Train, prune, mine, select, fine-tune, evaluate and compare.

    Fine-tunes on hard images and, for comparison, on random ones. Killed at any moment, the same command goes on where
    it stopped; what is done is skipped.

    Args:
        setting: supervised (masks), semi_supervised (masks, and images without), weakly_supervised (diagnoses, and
            masks of the test images), chest_xray (several findings an image, several seeds), or one of yours:
            ./my_setting.json
        data: a CSV file or a folder with data.csv, one with the folders images and masks, one in the ISIC-2017 layout,
            one above it and one in the ISIC-2018 Task 3 layout (images without masks, with diagnoses), or one with
            the label files of NIH- or MIMIC-CXR-LT above the images.
        out: the run's folder.
        overlay: config files applied on top of the bundle's, such as sizes/cpu.json; several with commas. One of
            yours runs as code: ./mine.json
        seed: replaces the configs' seed; beside --seeds, only what is drawn once for all of them.
        seeds: the seeds to train: 0:3 for 0 to 2, or 0,3,7; one by default, of chest_xray five. Without several there
            is no verdict.
        arms: what is trained and compared, with commas; by default what the setting compares.
        columns: for a CSV, our names to its names, such as id=case_no,label=mask or 'classes=["A","B"]'
        set: config entries to replace, such as max_epochs=10,spatial_size=[96,128]
        dry_run: show which stages would run, and why, and which settings are not the bundle's; write nothing.

    Examples:
        htl run supervised DATA --out runs/mine --seeds 0:3
        htl run chest_xray DATA --out runs/chest --seeds 0:30 --set batch_size=64
    """
    use_free_cores()
    from htl_monai.report.console import print_run, say
    from htl_monai.runs.plan import plan_setting
    from htl_monai.runs.workflow import run_plan

    if dry_run:
        require_own(out, "run")
    plan = plan_setting(setting, data, out, overlay or (), seed, with_columns(set, columns), seeds=seeds, arms=arms)
    if dry_run:
        _print_forecast(plan)
    else:
        print_run(run_plan(plan, say))


def _print_forecast(plan: Plan) -> None:
    """Print what a run would do, and with which settings."""
    from htl_monai.runs.forecast import differing, forecast

    for note in plan.notes:
        print(note)
    stages, settings = forecast(plan), differing(plan)
    width = max(len(name) for name in stages)
    print(f"Nothing is run or written. Stages, of {plan.bundle.name} in {plan.stages[0].out}:")
    for name, what in stages.items():
        print(f"  {name:{width}}  {what}")
    print("\nSettings that are not the bundle's:" if settings else "\nAll settings are the bundle's.")
    for name, (default, value) in settings.items():
        print(f"  {name}: {_shortened(default)} → {_shortened(value)}")


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 70 else f"{text[:69]}…"
