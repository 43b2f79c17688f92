"""Audit a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from htl_monai.cli.swapped import refuse_swapped
from htl_monai.cli.threads_of_torch import use_free_cores

__all__ = ["audit"]


def audit(
    model: str,
    data: str,
    out: str,
    split: str = "all",
    weights: str | None = None,
    bind: dict[str, Any] | None = None,
    task: str | None = None,
    columns: dict[str, Any] | None = None,
    sparsities: list[float] | None = None,
    pruner: str = "magnitude",
    batch_size: int | None = None,
    score_at: str = "original",
    device: str | None = None,
    below: float = 0.65,
    fast: bool = False,
    skip_unusable: bool = False,
) -> None:
    """Rank the samples of a data list by how badly a model holds them: any MONAI model, with labels or without.

    Args:
        model: a bundle's folder, which runs as code (./spleen_ct_segmentation); the name of one of the package's;
            a run's folder, a checkpoint or a .ts file.
        data: a CSV file, a JSON list of MONAI or the Decathlon, a folder of nnU-Net, or one with images and masks.
        out: the folder for ranking.csv and the tables made from it.
        split: training, validation, test, unlabelled or all.
        weights: a checkpoint in place of the bundle's.
        bind: names that are not the model zoo's, such as network=my_net,image=picture
        task: what the model does, where its metadata do not say.
        columns: for a CSV, our names to its names, such as id=case_no,label=mask
        sparsities: fractions of weights to remove, such as 0.5,0.7
        pruner: magnitude, random, structured, low_rank, or a config file.
        batch_size: images at once; only such of one size.
        score_at: original, as the bundle's own evaluator does; or network.
        device: cpu, cuda or cuda:N; the bundle's by default.
        below: a lower score counts as bad.
        fast: fold the network where that is possible: quicker; scores differ by rounding, ranks hardly.
        skip_unusable: leave out samples that cannot be used, and list them in skipped.csv.

    Examples:
        htl audit ./spleen_ct_segmentation DATA/dataset.json --out runs/audit
        htl audit model.ts DATA --out runs/audit --task binary_segmentation
    """
    options = dict(locals())
    use_free_cores()
    from htl_monai.analysis.means import mean_scores
    from htl_monai.report.console import print_notes, print_written, say
    from htl_monai.report.printed_table import print_table
    from htl_monai.runs.audit import audit as audit_model
    from htl_monai.scores import has_labels

    refuse_swapped(model, data)
    found = audit_model(**options, progress=True, say=say)
    hardest = found.hardest(10).drop(columns=["ranked_by", "image", "mask"], errors="ignore")
    print_table(f"The hardest samples, by {found.ranking['ranked_by'].iloc[0]}", hardest)
    if has_labels(found.scores):
        judged = ["ranking", "n", "spearman_error", "n_bad", "auroc", "average_precision"]
        print_table("What each ranking is good for", found.rankings[judged])
        print_table("Mean scores", mean_scores({"dense": found.scores.sel(level=[0.0])}))
    folder = Path(out).resolve()
    print_notes(folder / "notes.csv")
    print_written(folder)
    say(f"Report: {found.report(folder, progress=True)}")
