"""Splits a data list so that no subject stands on two sides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from htl_monai.data.readers.columns import split_name
from htl_monai.data.readers.listing import Datalists, Item, Say

# Of a data set that names no splits. The seed is no setting: runs of several seeds are tested on the same images.
SHARES = {"training": 0.7, "validation": 0.1, "test": 0.2}
SEED = 0

Subject = tuple[str, str]
Stratum = Callable[[Item], str]


def diagnosis_of(item: Item) -> str:
    """Return what is spread evenly by default."""
    return str(item.get("diagnosis"))


def into_lists(
    items: Sequence[Item],
    splits: Sequence[str] | None,
    source: str = "",
    say: Say | None = None,
    stratum: Stratum = diagnosis_of,
) -> Datalists:
    """Return data lists of images whose splits a table names, or where it names none, dealt out."""
    if splits is None:
        return Datalists(deal_out(items, source, say, stratum))
    lists = Datalists()
    for item, split in zip(items, splits, strict=True):
        lists[split_name(split, item["id"])].append(item)
    return lists


def deal_out(
    items: Sequence[Item], source: str, say: Say | None = None, stratum: Stratum = diagnosis_of
) -> dict[str, list[Item]]:
    """Split a data set that names no splits: 70 % for training, 10 % for validation, 20 % for the test.

    The same images give the same lists; ``say`` is told in one line that it was done with those of ``source``, and how.
    """
    if say is not None:
        known = any(item.get("subject") is not None for item in items)
        whole = "so that no subject is in two" if known else "image by image, as no subject is named"
        shares = ", ".join(f"{share:.0%} {name}" for name, share in SHARES.items())
        say(f"split: {source} names none, so its images are dealt out {whole}: {shares} (seed {SEED})")
    return split_by_subject(items, SHARES, SEED, stratum)


def split_by_subject(
    items: Sequence[Item], shares: Mapping[str, float], seed: int = 0, stratum: Stratum = diagnosis_of
) -> dict[str, list[Item]]:
    """Deal out images so that all of one lesion or patient stay together and the diagnoses are spread evenly.

    Images of one lesion on both sides would let a network be tested on what it has seen. Subjects are dealt out
    diagnosis by diagnosis (the most frequent one of a subject's images), each to the split that lacks most.

    Args:
        items: dicts with ``id``, ``subject`` and ``diagnosis``; without a known ``subject`` an image is its own.
        shares: the share of the images that each split is to get, above 0, summing to 1.
        seed: of the choice among subjects with as many images; the order of ``items`` does not matter.
        stratum: what is spread evenly, by image.

    Returns:
        the items of each split, in their order in ``items``. A diagnosis with at least as many subjects as there are
        splits is in each of them; of one with fewer, some splits have none.

    Raises:
        ValueError: a share is not above 0, or they do not sum to 1.

    Example:
        >>> items = [{"id": str(number), "subject": number // 2, "diagnosis": "nevus"} for number in range(10)]
        >>> {name: len(part) for name, part in split_by_subject(items, {"training": 0.8, "test": 0.2}).items()}
        {'training': 8, 'test': 2}
    """
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(f"shares must be above 0 and sum to 1, got {dict(shares)}; correct them")
    diagnoses: dict[Subject, list[str]] = defaultdict(list)
    for item in items:
        diagnoses[_subject(item)].append(stratum(item))
    strata: dict[str, list[Subject]] = defaultdict(list)
    for subject in sorted(diagnoses):
        strata[_most_frequent(diagnoses[subject])].append(subject)
    rng = np.random.default_rng(seed)
    place: dict[Subject, str] = {}
    for name in sorted(strata):
        place |= _deal({subject: len(diagnoses[subject]) for subject in strata[name]}, shares, rng)
    parts: dict[str, list[Item]] = {split: [] for split in shares}
    for item in items:
        parts[place[_subject(item)]].append(item)
    return parts


def _subject(item: Item) -> Subject:
    subject = item.get("subject")
    return ("image", str(item["id"])) if subject is None else ("subject", str(subject))


def _most_frequent(names: Sequence[str]) -> str:
    counts = Counter(names)
    return min(counts, key=lambda name: (-counts[name], name))


def _deal(sizes: Mapping[Subject, int], shares: Mapping[str, float], rng: np.random.Generator) -> dict[Subject, str]:
    """Give each split one of the smallest subjects, where there are enough, then the largest subjects first."""
    subjects = [list(sizes)[number] for number in rng.permutation(len(sizes))]
    subjects.sort(key=lambda subject: sizes[subject])
    lack = {split: share * sum(sizes.values()) for split, share in shares.items()}
    place: dict[Subject, str] = {}
    if len(subjects) >= len(shares):
        place = dict(zip(subjects, shares, strict=False))
        for subject, split in place.items():
            lack[split] -= sizes[subject]
    for subject in reversed(subjects):
        if subject not in place:
            place[subject] = max(lack, key=lambda split: lack[split])
            lack[place[subject]] -= sizes[subject]
    return place
