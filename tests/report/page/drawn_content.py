"""What a report of a drawn audit says: pictures of lesions, outlines of four networks, groups, curves, arms."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

from htl_monai.phantoms.lesion_drawing import GROUPS, draw_phantom

PICTURE = (192, 256)  # height, width
TILE = (64, 48)  # width, height
PER_ROW = 10
NETWORKS = [
    {"name": "truth", "label": "label", "role": "truth"},
    {"name": "dense", "label": "dense network", "role": "dense"},
    {"name": "pruned", "label": "pruned, 70 %", "role": "pruned"},
    {"name": "htl", "label": "fine-tuned on hard cases", "role": "arm"},
]
MEANINGS = {
    "forgetting": "how much of its IoU a case loses when 70 % of the weights are pruned: what the model barely holds",
    "entropy": "how unsure the dense network is of its mask; needs no label",
    "label_quality": "how badly the label fits what the network sees: a hint at mistakes in labels",
    "random": "chance, to compare with",
}


def drawn_content(n: int = 240, n_hard: int = 14, seed: int = 0) -> dict[str, Any]:
    """Return the content of a whole report: ``n`` cases, ``n_hard`` of them with pictures, the second as a volume."""
    rng = np.random.default_rng(seed)
    values = drawn_values(n, rng)
    hard = np.argsort(values["forgetting"])[::-1][:n_hard]
    return {
        "title": "Which lesions does the network forget?",
        "kind": "audit",
        "subtitle": f"lesion_localization · {n} test images of ISIC 2017 · pruned by 50 to 90 % · 25 November 2026",
        "words": drawn_words(),
        "below": 0.65,
        "primary": {"name": "iou", "label": "IoU", "higher_is_better": True},
        "tiles": [
            {"label": "images with IoU below 0.65", "value": "23.5 %", "hint": "141 of 600, dense network"},
            {"label": "mean IoU, dense", "value": "0.751", "hint": "95 % interval 0.738 to 0.763"},
            {"label": "mean IoU at 70 %", "value": "0.604", "hint": "−0.147 by pruning"},
            {"label": "forgotten images", "value": "56", "hint": "lose 40 % of their IoU or more"},
            {"label": "labels to look at", "value": "12", "hint": "the label is the likelier culprit"},
        ],
        "curves": drawn_curves(),
        "cases": {"n": n, "columns": drawn_columns(), "values": values},
        "thumbnails": drawn_thumbnails(n, rng),
        "hardest": [drawn_case(int(case), values, rng, volume=place == 1) for place, case in enumerate(hard)],
        "networks": NETWORKS,
        "groups": [row for measure in ("iou", "forgetting") for row in drawn_groups(values, measure)],
        "pairs": drawn_pairs(values),
        "slices": drawn_slices(),
        "rankings": drawn_rankings(),
        "quadrants": {
            **{"x": "forgetting", "y": "label_quality", "x_cut": 0.4, "y_cut": 0.75},
            "says": {
                "hard": "The label fits, the model forgets: show it more of these.",
                "mislabelled": "The model holds on to them, but the label does not fit: look at the label first.",
                "both": "Look at the label, then decide.",
            },
        },
        "comparison": drawn_comparison(),
        "arms": [
            {"name": "htl", "label": "hard cases", "meaning": "fine-tuned on what was forgotten", "iou": 0.741},
            {"name": "random", "label": "random cases", "meaning": "fine-tuned on as many at random", "iou": 0.752},
            {"name": "dense_continued", "label": "trained on", "meaning": "as many steps on everything", "iou": 0.755},
        ],
        "provenance": [["model", "bundle/lesion_localization"], ["seed", "10"], ["sha256 of weights", "9f2c" * 16]],
        "files": [["scores.nc", "every score of every image and level"], ["ranking.csv", "one row an image"]],
    }


def drawn_words() -> dict[str, list[str]]:
    return {
        "done": ["The network was pruned by magnitude at five levels, and each test image scored at each of them."],
        "verdict": [
            "The network holds most lesions, but forgets 56 of 240 images (23 %) when 70 % of its weights go.",
            "Their mean IoU falls from 0.71 to 0.22; that of the rest from 0.76 to 0.72.",
        ],
        "fails_for": [
            "Images with hairs: IoU 0.61 against 0.75 of all (95 % interval 0.57 to 0.66, n = 48).",
            "Lesions smaller than 2 % of the picture that are also of low contrast: IoU 0.52 (n = 19).",
            "For sex and age nothing can be said to differ.",
        ],
        "next": [
            "Look at the 12 images whose label is the likelier culprit.",
            "Fine-tune on the 56 forgotten images: htl run supervised --arms htl,random,dense_continued.",
            "Collect more images with hairs.",
        ],
        "warnings": ["31 images have no age."],
    }


def drawn_values(n: int, rng: np.random.Generator) -> dict[str, list[Any]]:
    look = rng.integers(0, len(GROUPS), n)
    iou = np.clip(rng.beta(8, 3, n) - 0.06 * (look > 0), 0, 1)
    forgetting = np.clip(rng.beta(1.2, 4, n) + 0.12 * (look > 1), 0, 1)
    age = rng.integers(15, 86, n).astype(object)
    age[rng.random(n) < 0.13] = None
    return {
        "id": [f"ISIC_{i:07d}" for i in range(n)],
        "look": [GROUPS[k] for k in look],
        "sex": [("female", "male", None)[k] for k in rng.choice(3, n, p=(0.48, 0.48, 0.04))],
        "age": list(age),
        "iou": [float(x) for x in iou],
        "iou_pruned": [float(x) for x in iou * (1 - forgetting)],
        "forgetting": [float(x) for x in forgetting],
        "entropy": [float(x) if x > 0.02 else float("nan") for x in rng.beta(2, 8, n)],
        "label_quality": [float(x) for x in rng.beta(2, 5, n)],
        "site": [f"site {k}" for k in rng.integers(0, 5, n)],
    }


def drawn_columns() -> list[dict[str, Any]]:
    columns = [
        ("id", "id", "text", "the image's name"),
        ("iou", "IoU, dense", "number", "overlap with the label, dense network"),
        ("iou_pruned", "IoU, pruned", "number", "overlap with the label at 70 %"),
        ("forgetting", "Forgetting", "number", "share of the IoU that is lost at 70 %"),
        ("entropy", "Entropy", "number", "how unsure the dense network is"),
        ("label_quality", "Label doubt", "number", "how badly the label fits"),
        ("look", "Kind", "group", "what makes the image hard"),
        ("sex", "Sex", "group", ""),
        ("age", "Age", "number", "years"),
        ("site", "Site", "group", ""),
    ]
    return [
        {
            **{"name": name, "label": label, "kind": kind, "hint": hint},
            "digits": 0 if name == "age" else 2,
            "show": True,
        }
        for name, label, kind, hint in columns
    ]


def data_url(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="WEBP", quality=70)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def polygons(mask: np.ndarray) -> list[list[list[float]]]:
    found = find_contours(np.pad(mask, 1).astype(float), 0.5)
    simple = [approximate_polygon(contour, 0.5) for contour in found]
    return [[[round(float(x) - 0.5, 1), round(float(y) - 0.5, 1)] for y, x in contour] for contour in simple]


def moved(outlines: list[list[list[float]]], scale: float, by: tuple[float, float]) -> list[list[list[float]]]:
    """The same outlines smaller or larger round their centre, and a little elsewhere."""
    if not outlines:
        return []
    centre = np.concatenate(outlines).mean(axis=0)
    return [((np.array(one) - centre) * scale + centre + by).round(1).tolist() for one in outlines]


def drawn_case(case: int, values: dict[str, list[Any]], rng: np.random.Generator, volume: bool) -> dict[str, Any]:
    picture, mask = draw_phantom(values["look"][case], PICTURE, rng, vignette=bool(rng.random() < 0.3))
    truth = polygons(mask)
    facts = [["IoU, dense", "iou"], ["IoU, pruned", "iou_pruned"], ["Forgetting", "forgetting"]]
    slices = []
    for position in range(12 if volume else 1):
        smaller = 1.0 - 0.06 * abs(position - 6) * volume
        outlines = {
            "truth": moved(truth, smaller, (0, 0)),
            "dense": moved(truth, smaller * rng.uniform(0.85, 1.1), (3, -2)),
        }
        outlines["pruned"] = moved(truth, smaller * rng.uniform(0.3, 0.6), (9, 7))
        outlines["htl"] = moved(truth, smaller * rng.uniform(0.8, 1.05), (-4, 4))
        shade = (picture * (1 - 0.05 * abs(position - 6) * volume)).astype(np.uint8)
        slices.append({"picture": data_url(shade), "size": [256, 192], "position": 20 + position, "outlines": outlines})
    return {
        "case": case,
        "title": values["id"][case],
        "facts": [[label, f"{values[name][case]:.2f}"] for label, name in facts]
        + [["Kind", values["look"][case]], ["Sex", values["sex"][case]], ["Age", values["age"][case]]],
        "slices": slices,
        "first": 6 if volume else 0,
        "classes": [],
        "note": "",
    }


def drawn_thumbnails(n: int, rng: np.random.Generator, per_sprite: int = 100) -> dict[str, Any]:
    pool = [draw_phantom(GROUPS[k % len(GROUPS)], TILE[::-1], rng)[0] for k in range(12)]
    sprites = []
    for first in range(0, n, per_sprite):
        sheet = np.zeros((TILE[1] * per_sprite // PER_ROW, TILE[0] * PER_ROW, 3), np.uint8)
        for place in range(min(per_sprite, n - first)):
            y, x = place // PER_ROW * TILE[1], place % PER_ROW * TILE[0]
            sheet[y : y + TILE[1], x : x + TILE[0]] = pool[(first + place) % len(pool)]
        sprites.append(data_url(sheet))
    of: list[int | None] = [*range(n)]
    if n > 3:
        of[3] = None
    return {"tile": [*TILE], "per_row": PER_ROW, "per_sprite": per_sprite, "sprites": sprites, "of": of}


def drawn_curves() -> list[dict[str, Any]]:
    levels = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
    curves = []
    for name, y, drop in (
        *(("all images", "IoU", 0.3), ("56 forgotten", "IoU", 0.9), ("the rest", "IoU", 0.12)),
        *(("share forgotten", "share of images", -0.7),),
    ):
        start = 0.75 if y == "IoU" else 0.0
        means = [start - drop * level**4 for level in levels]
        points = [
            {"sparsity": level, "mean": mean, "low": mean - 0.02, "high": mean + 0.02}
            for level, mean in zip(levels, means, strict=True)
        ]
        curves.append({"name": name, "y": y, "points": points})
    return curves


def drawn_groups(values: dict[str, list[Any]], measure: str) -> list[dict[str, Any]]:
    scores, rows = np.array(values[measure]), []
    for column in ("look", "sex", "site"):
        names = np.array(["" if name is None else name for name in values[column]])
        groups = {name: scores[names == name] for name in sorted({*names} - {""})}
        best = max(group.mean() for group in groups.values())
        for name, group in groups.items():
            half = 1.96 * group.std() / len(group) ** 0.5
            rows.append(
                {
                    "measure": measure,
                    "higher_is_better": measure != "forgetting",
                    "column": column,
                    "group": name,
                    "n": len(group),
                    "n_missing": int((names == "").sum()),
                }
                | {"mean": group.mean(), "low": group.mean() - half, "high": group.mean() + half, "note": ""}
                | {"gap_whole": group.mean() - scores[names != ""].mean(), "gap_best": group.mean() - best}
                | {"p": 0.2, "p_holm": 0.003 if name == "hair" else 0.6}
            )
    rows[-1] |= {"n": 3, "low": None, "high": None, "p": None, "p_holm": None, "note": "too few to say"}
    return rows


def drawn_pairs(values: dict[str, list[Any]]) -> list[dict[str, Any]]:
    single = [row for row in drawn_groups(values, "iou") if row["column"] == "look"]
    return [
        row | {"column": "look × sex", "group": f"{row['group']} × {sex}", "n": row["n"] // 2}
        for row in single
        for sex in ("female", "male")
    ]


def drawn_slices() -> list[dict[str, Any]]:
    first = {"measure": "iou", "slice": "Forgetting ≥ 0.5 and Kind = hair", "n_found": 11, "mean_found": 0.5}
    first |= {
        "n_confirmed": 9,
        "mean_confirmed": 0.55,
        "low": 0.43,
        "high": 0.66,
        "gap": -0.14,
        "p_holm": 0.01,
        "note": "",
    }
    conditions = [{"column": "forgetting", "at_least": 0.5}, {"column": "look", "is": "hair"}]
    second = {"slice": "Age > 70", "n_confirmed": 14, "mean_confirmed": 0.66, "low": 0.58, "high": 0.73, "gap": -0.03}
    return [
        first | {"conditions": conditions},
        first | second | {"p_holm": 0.8, "note": "not confirmed", "conditions": [{"column": "age", "above": 70}]},
    ]


def drawn_rankings() -> list[dict[str, Any]]:
    names = {"forgetting": (0.71, 0.48), "entropy": (0.83, 0.62), "label_quality": (0.78, 0.55), "random": (0.49, 0.23)}
    return [
        {
            "ranking": name,
            "label": name.replace("_", " "),
            "meaning": MEANINGS[name],
            "n": 240,
            "spearman_error": auroc - 0.4,
        }
        | {"auroc": auroc, "average_precision": precision}
        | {"like": {other: 0.9 - 0.2 * abs(i - j) for j, other in enumerate(names) if j != i}}
        for i, (name, (auroc, precision)) in enumerate(names.items())
    ]


def drawn_comparison() -> list[dict[str, Any]]:
    return [
        {"score": score, "label": label, "model": "htl", "reference": reference, "difference": difference}
        | {"low": difference - 0.008, "high": difference + 0.008, "note": note}
        for score, label, reference, difference, note in (
            ("iou", "IoU, all images", "random", -0.011, "worse"),
            ("iou", "IoU, all images", "dense_continued", -0.014, "worse"),
            ("iou_hard", "IoU, forgotten images", "random", 0.021, "better"),
            ("iou_hard", "IoU, forgotten images", "dense_continued", 0.004, "no difference to be seen"),
        )
    ]
