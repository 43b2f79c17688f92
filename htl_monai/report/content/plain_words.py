"""Numbers and names as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from htl_monai.ranking.registry import rankings

_LABELS = {
    "iou": "IoU",
    "dice": "Dice",
    "true_prob": "probability of the true label",
    "box_iou": "IoU of the boxes",
    "box_foreground_iou": "IoU of box and mask",
    "surface_distance": "surface distance",
    "mean_average_precision": "average precision",
    "forgetting_relative": "relative forgetting",
    "label_quality": "label doubt",
    "mask_confidence": "lack of confidence",
    "pie_spearman": "order of classes lost (PIE)",
    "pie_modal": "class changed (PIE)",
    "pie_taxicab": "probabilities moved (PIE)",
    "id": "case",
}


def higher_is_harder(measure: str) -> bool:
    """Tell whether more of a measure is worse: of rankings and of forgetting, and not of scores.

    Example:
        >>> higher_is_harder("forgetting_relative"), higher_is_harder("foreground_iou_htl")
        (True, False)
    """
    return measure in rankings() or "forgetting" in measure


def label_of(name: str) -> str:
    """Return what a score, a ranking or a column is called.

    Example:
        >>> label_of("foreground_iou"), label_of("relative_forgetting"), label_of("iou_left_lung")
        ('IoU', 'relative forgetting', 'IoU left lung')
    """
    name = name.removeprefix("foreground_").removesuffix("_dense")
    if name in _LABELS:
        return _LABELS[name]
    return " ".join(
        {"iou": "IoU", "dice": "Dice", "ap": "AP", "htl": "HTL"}.get(word, word) for word in name.split("_")
    )


def number(value: float, digits: int = 2) -> str:
    """Return a number with a true minus sign; a dash where there is none.

    Example:
        >>> number(-0.456), number(float("nan"))
        ('−0.46', '–')
    """
    return f"{value:.{digits}f}".replace("-", "−") if math.isfinite(value) else "–"


def with_interval(value: float, low: float = math.nan, high: float = math.nan, digits: int = 2) -> str:
    """Return a number and its interval, where there is one.

    Example:
        >>> with_interval(0.69, 0.661, 0.724), with_interval(0.5)
        ('0.69 [0.66, 0.72]', '0.50')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def percent(share: float) -> str:
    """Return a share in percent: whole, but where that would say nothing or all of it.

    Example:
        >>> percent(0.7), percent(0.004), percent(0.925), percent(1)
        ('70 %', '0.4 %', '92.5 %', '100 %')
    """
    if not math.isfinite(share):
        return "–"
    value = 100 * share
    whole = abs(value - round(value)) < 1e-6 or 1 <= value <= 90
    return f"{value:.0f} %" if whole else f"{value:.1f} %"


def p_value(p: float) -> str:
    """Return a p value as one writes it.

    Example:
        >>> p_value(0.0004), p_value(0.034)
        ('p < 0.001', 'p = 0.03')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.1g}" if p < 0.01 else f"p = {p:.2f}"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Return so many of something.

    Example:
        >>> count(1, "image"), count(12000, "image")
        ('1 image', '12,000 images')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listed(words: Sequence[str], at_most: int = 8, last: str = "and") -> str:
    """Return words as a list in a sentence, long ones cut.

    Example:
        >>> listed(["a", "b", "c"]), listed(list("abcde"), at_most=2)
        ('a, b and c', 'a, b and 3 more')
    """
    named = [shortened(word) for word in words[:at_most]]
    if len(words) > at_most:
        named.append(f"{len(words) - at_most} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} {last} {named[-1]}" if named else ""


def group_named(column: object, group: object) -> str:
    """Return what a group of a column is called in a sentence.

    Example:
        >>> group_named("diagnosis", "seborrheic_keratosis"), group_named("sex × age_group", "male × > 50")
        ('diagnosis seborrheic keratosis', 'sex × age group male × > 50')
    """
    return f"{label_of(str(column))} {shortened(str(group).replace('_', ' '))}"


def shortened(text: str, at_most: int = 60) -> str:
    """Return a text that fits into a sentence.

    Example:
        >>> len(shortened("x" * 300))
        60
    """
    text = " ".join(text.split())
    return text if len(text) <= at_most else f"{text[: at_most - 1]}…"


def said(value: object, digits: int = 2) -> str:
    """Return any value of a table as a person reads it.

    Example:
        >>> said(True), said(3.0), said(0.1289), said(None), said(math.inf)
        ('yes', '3', '0.13', '–', 'never learned')
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value is pd.NA or value != value:
        return "–"
    if isinstance(value, float):
        return "never learned" if math.isinf(value) else number(value, 0 if value == int(value) else digits)
    return str(value)
