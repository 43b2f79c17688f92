"""The file of predictions: what is written is read, seeds are put in one order, and what does not fit is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from htl_monai.scores.predictions import Predictions, read_predictions, stacked_predictions, write_predictions

IDS, CLASSES, SPARSITIES = ("b.png", "a.png", "c.png"), ("Edema", "Hernia"), (0.0, 0.5)


def predictions(seed: int = 0, ids: tuple[str, ...] = IDS, **changes: object) -> Predictions:
    shape = (len(SPARSITIES), len(ids), len(CLASSES))
    probabilities = np.random.default_rng(seed).random(shape, dtype=np.float32)
    return Predictions(**{**vars(Predictions(probabilities, ids, CLASSES, SPARSITIES)), **changes})


def test_what_is_written_is_read_byte_for_byte_the_same(tmp_path: Path) -> None:
    path = write_predictions(tmp_path / "a.npz", predictions())
    found = read_predictions(path)
    assert (found.ids, found.classes, found.sparsities) == (IDS, CLASSES, SPARSITIES)
    np.testing.assert_array_equal(found.probabilities, predictions().probabilities)
    assert found.probabilities.dtype == np.float32
    assert write_predictions(tmp_path / "b.npz", found).read_bytes() == path.read_bytes()


def test_a_sparsity_is_found_by_its_value(tmp_path: Path) -> None:
    found = predictions()
    np.testing.assert_array_equal(found.at(0.5 + 1e-12), found.probabilities[1])
    several = Predictions(np.stack([found.probabilities] * 3), IDS, CLASSES, SPARSITIES)
    assert several.at(0.0).shape == (3, 3, 2)
    with pytest.raises(KeyError, match="sparsity must be one of 0, 0.5, got 0.9; mine at it"):
        found.at(0.9)


def test_seeds_are_stacked_in_the_order_of_the_first(tmp_path: Path) -> None:
    first, second = predictions(0), predictions(1, ids=("c.png", "b.png", "a.png"))
    paths = [write_predictions(tmp_path / f"{i}.npz", found) for i, found in enumerate((first, second))]
    stack = stacked_predictions(paths)
    assert stack.ids == IDS and stack.probabilities.shape == (2, 2, 3, 2)
    np.testing.assert_array_equal(stack.probabilities[0], first.probabilities)
    np.testing.assert_array_equal(stack.probabilities[1], second.probabilities[:, [1, 2, 0]])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (predictions(ids=("a.png", "b.png", "d.png")), r"same images, got 2 that are not in both .*\(c.png, d.png\)"),
        (predictions(classes=("Edema", "Mass")), r"same classes, got others in .* \(Hernia, Mass\); mine them with"),
        (predictions(classes=("Hernia", "Edema")), r"same classes, got others in .* \(another order\)"),
        (predictions(sparsities=(0.0, 0.7)), r"same sparsities, got others in .* \(0.5, 0.7\)"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(other: Predictions, message: str, tmp_path: Path) -> None:
    paths = [write_predictions(tmp_path / f"{i}.npz", found) for i, found in enumerate((predictions(), other))]
    with pytest.raises(ValueError, match=f"predictions of all seeds must (have|be of) the {message}"):
        stacked_predictions(paths)


def test_no_file_and_none_that_is_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="paths must name at least one file of predictions, got none"):
        stacked_predictions([])
    with pytest.raises(FileNotFoundError, match="predictions .*none.npz do not exist; run the stage mining"):
        read_predictions(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match="text.npz must hold predictions .*; mine again"):
        read_predictions(tmp_path / "text.npz")
    np.savez(tmp_path / "part.npz", ids=np.array(["a"]))
    with pytest.raises(ValueError, match="part.npz must hold predictions .*; mine again"):
        read_predictions(tmp_path / "part.npz")
    np.savez(tmp_path / "objects.npz", **{name: np.array([{}]) for name in vars(predictions())})
    with pytest.raises(ValueError, match="objects.npz must hold predictions .*; mine again"):  # nothing is unpickled
        read_predictions(tmp_path / "objects.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"classes": ("Edema",)},
            r"must have the shape \(sparsities, images, classes\) = \(2, 3, 1\), got \(2, 3, 2\)",
        ),
        ({"ids": ("a", "a", "b")}, "must name each image once, got repeated ids"),
    ],
)
def test_what_does_not_fit_is_not_written(changes: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        write_predictions(tmp_path / "a.npz", predictions(**changes))
    assert not list(tmp_path.iterdir())


def test_a_network_that_says_nan_is_named_by_its_images(tmp_path: Path) -> None:
    broken = predictions()
    broken.probabilities[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match=r"must be finite, got NaN or infinity for 1 images \(c.png\); check the"):
        write_predictions(tmp_path / "a.npz", broken)
