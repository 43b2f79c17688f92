"""What an audit found, as tables: the hardest samples, whom that hits, and what each ranking is good for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from torch import Tensor

from htl_monai.analysis.compared_rankings import compare_rankings
from htl_monai.analysis.groups import groups_table, pairs_table, without_groups
from htl_monai.analysis.slices import find_slices
from htl_monai.data.files import read_table, write_csv, write_json
from htl_monai.data.preparation.left_out import Skipped
from htl_monai.data.readers.listing import Item
from htl_monai.ranking.random_samples import Random
from htl_monai.ranking.rank_all import rank_all
from htl_monai.ranking.registry import rankings
from htl_monai.ranking.selection import top_share
from htl_monai.report.made_report import HARDEST, make_report
from htl_monai.report.pictures.case_pictures import case_pictures
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.report.pictures.shown_cases import ShownCases
from htl_monai.report.pictures.write_pictures import write_pictures
from htl_monai.runs.layout import PROPERTIES, SCORES
from htl_monai.runs.output_folder import output_folder
from htl_monai.runs.stage_log import NOWHERE, stage_log
from htl_monai.scores import has_labels, metadata_of, table_of, write_scores

__all__ = ["Audit"]

_SELECTED_SHARE = 0.1
_N_RESAMPLES = 1000


@dataclass(frozen=True)
class Audit:
    """Scores and what follows from them.

    Args:
        scores: the labelled array: level (0 = dense), sample, class.
        items: the data list.
        sparsity: what was really removed of each layer at each level.
        facts: what is to be known of samples and scores: a word to sort by, and a sentence each.
        below: a score under this counts as bad where rankings are judged.
        skipped: ``id``, ``split`` and ``reason`` of the samples that were left out.
        networks: those that were scored, to be drawn.
    """

    scores: xr.Dataset
    items: tuple[Item, ...]
    sparsity: pd.DataFrame
    facts: tuple[tuple[str, str], ...]
    below: float
    skipped: tuple[Skipped, ...] = ()
    networks: Mapping[str, Drawn] = field(default_factory=dict, repr=False)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know, a sentence each: facts, what orders the samples, and what each ranking is for."""
        return tuple(sentence for _, sentence in self._noted)

    @property
    def _noted(self) -> list[tuple[str, str]]:
        """The notes, each with a word to sort by."""
        first = self.ranking["ranked_by"].iloc[0]
        order = f"ranking.csv is ordered by {first}. {rankings()[first].meaning}"
        many = without_groups(self.ranking, self._columns)
        judged = [("judged", self._judged(first))] if "auroc" in self.rankings else []
        return [*self.facts, *([("groups", many)] if many else []), ("order", order), *judged]

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """One row a sample, hardest first: the dense score, every ranking that can be made, paths and metadata."""
        return self._ranked(None)

    @cached_property
    def rankings(self) -> pd.DataFrame:
        """One row a ranking: how like the others it is, and how well it points at what the model gets wrong."""
        score = self.ranking[self._primary] if has_labels(self.scores) else None
        return compare_rankings(self.ranking[self._made], score, self.below)

    def hardest(self, n: int = 10, by: str | None = None) -> pd.DataFrame:
        """Return the ``n`` hardest samples, by a ranking of that name or the first that can be made."""
        return (self.ranking if by is None else self._ranked(by)).head(n)

    def show(self, n: int = 10, by: str | None = None) -> ShownCases:
        """Draw the ``n`` hardest samples with what the networks outline in each, for a notebook."""
        hardest, by_id = self.hardest(n, by), {item["id"]: item for item in self.items}
        first = str(self.ranking["ranked_by"].iloc[0] if by is None else by)
        shown = [name for name in dict.fromkeys(("id", self._primary, first)) if name in hardest]
        pictures = [case_pictures(by_id[id_], self.networks) for id_ in hardest["id"]] if self.networks else []
        return ShownCases(hardest[shown].head(len(pictures)), pictures, self.networks)

    def groups(self, by: str | None = None) -> pd.DataFrame:
        """Return the dense score and each ranking in the groups of one column of the metadata, or of every one.

        Returns:
            See :func:`~htl_monai.analysis.groups.groups_table`.

        Raises:
            KeyError: there is no such column, or it makes no groups.
        """
        if by is None:
            return self._groups
        found = self._groups[self._groups["column"].isin([by, *(["age_group"] if by == "age" else [])])]
        if found.empty:
            made = ", ".join(self._groups["column"].unique()) or "none"
            raise KeyError(f"by must be a column that makes groups, got {by}; there are {made}")
        return found.reset_index(drop=True)

    def report(
        self, folder: str | os.PathLike[str], hardest: int = HARDEST, by: str | None = None, progress: bool = False
    ) -> Path:
        """Write ``report.html``, with pictures of the hardest cases, into the audit's folder, or a new one.

        See :func:`~htl_monai.report.made_report.make_report`; a folder without scores gets the tables, too.

        Returns:
            The path of the page.
        """
        with output_folder(folder, "audit") as place:
            if not (place / SCORES).is_file():
                self.write(place, progress)
            with stage_log(NOWHERE):
                return make_report(place, None, hardest, by, self.items, self.networks, progress=progress)

    def pairs(self) -> pd.DataFrame:
        """Return the dense score and the ranking that orders the samples where two columns of the metadata meet.

        Returns:
            See :func:`~htl_monai.analysis.groups.pairs_table`.
        """
        return self._pairs

    def slices(self, properties: pd.DataFrame | None = None) -> pd.DataFrame:
        """Search the metadata for where the dense score and the ranking that orders the samples are worse.

        Args:
            properties: more columns to search, by ``id``, such as
                :func:`~htl_monai.analysis.picture_properties.picture_properties` of each picture.

        Returns:
            See :func:`~htl_monai.analysis.slices.find_slices`.
        """
        return find_slices(self.ranking, self._first_measures, self._columns, properties=properties)

    def write(self, folder: Path, progress: bool = False) -> list[Path]:
        """Write ``scores.nc``, ``scores.csv`` (dense), ``ranking.csv``, ``rankings.csv``, ``groups.csv``,
        ``pairs.csv``, ``slices.csv``, ``sparsity.csv``, ``notes.csv``, ``skipped.csv``, a selection of the hardest
        tenth by each ranking, which ``htl run`` and a data list can take, and ``pictures`` of all samples and of the
        hardest, with properties of each, which are searched for slices.
        """
        drawn = self.hardest(HARDEST)["id"].tolist()
        pictures = write_pictures(folder, self.items, drawn, self.networks, progress)
        tables = {"ranking": self.ranking, "rankings": self.rankings, "groups": self.groups()}
        tables |= {"pairs": self.pairs(), "slices": self.slices(read_table(folder / PROPERTIES))}
        tables |= {
            "scores": table_of(self.scores, 0.0),
            "sparsity": self.sparsity,
            "notes": pd.DataFrame(self._noted, columns=["about", "note"]),
        }
        tables |= {"skipped": pd.DataFrame(self.skipped, columns=["id", "split", "reason"])}
        by_id = {item["id"]: item for item in self.items}
        for name in rankings():  # of an earlier audit, of other data
            (folder / "selections" / f"{name}.json").unlink(missing_ok=True)
        for name in self._made:
            values = self.ranking.set_index("id")[name]
            hardest = values[top_share(values, _SELECTED_SHARE)].sort_values(ascending=False, kind="stable").index
            content = {
                "rule": {"ranking": name, "rule": "top", "amount": _SELECTED_SHARE},
                "never_learned": values.index[values == np.inf].tolist(),
                "hardness": values[np.isfinite(values)].to_dict(),
                "data": [_plain(by_id[id_]) for id_ in hardest],
            }
            write_json(folder / "selections" / f"{name}.json", content)
        written = [write_csv(folder / f"{name}.csv", table) for name, table in tables.items()]
        written.append(write_scores(folder / "scores.nc", self.scores))
        return [*written, pictures]

    @cached_property
    def _groups(self) -> pd.DataFrame:
        return groups_table(self.ranking, self._measures, self._columns, n_resamples=_N_RESAMPLES)

    @cached_property
    def _pairs(self) -> pd.DataFrame:
        return pairs_table(self.ranking, self._first_measures, self._columns, n_resamples=_N_RESAMPLES)

    @property
    def _primary(self) -> str:
        return str(self.scores.attrs["primary"])

    @property
    def _measures(self) -> dict[str, bool]:
        """The dense score and the rankings, and of which higher is better."""
        return dict.fromkeys({self._primary} & {*self.ranking}, True) | dict.fromkeys(self._made, False)

    @property
    def _first_measures(self) -> dict[str, bool]:
        """The dense score, and the ranking that orders the samples."""
        first = (self._primary, self.ranking["ranked_by"].iloc[0])
        return {name: better for name, better in self._measures.items() if name in first}

    @property
    def _made(self) -> list[str]:
        """The rankings that can be made."""
        return [name for name in rankings() if name in self.ranking]

    @property
    def _columns(self) -> list[str]:
        return [str(name) for name in metadata_of(self.scores) if name != "id" and name in self.ranking]

    def _ranked(self, by: str | None) -> pd.DataFrame:
        return rank_all(self.scores, by)

    def _judged(self, first: str) -> str:
        """Say which rankings without labels point best at what the model gets wrong, and how the first does."""
        table = self.rankings.set_index("ranking")
        kinds = {name: rankings()[name] for name in table.index}
        free = [name for name, kind in kinds.items() if not kind.needs_labels and not issubclass(kind, Random)]
        best = table.loc[free, "spearman_error"].dropna().sort_values(ascending=False, kind="stable").head(3)
        found = dict.fromkeys([*best.index, first])
        said = ", ".join(f"{name} {float(table.loc[name, 'spearman_error']):.2f}" for name in found)
        return (
            f"Rank correlation with the error, 1 - {self._primary}: {said}; rankings.csv says for each ranking what it "
            f"is good for, also how well it finds those below {self.below:g} (auroc)."
        )


def _plain(item: Item) -> Item:
    """Return an item as JSON can hold it: a label that was read becomes numbers again."""
    label = item.get("label")
    return item | ({"label": label.tolist()} if isinstance(label, Tensor) else {})
