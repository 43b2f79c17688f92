"""Pictures are turned as a person sees them, whatever a reader made of them; volumes as their affine says."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest

from htl_monai.report.pictures.display import fitted, grey_of
from htl_monai.report.pictures.grids import as_seen, centred, scaling, turn_matrix, turned, which_turn

TURNS = list(itertools.product((False, True), repeat=3))


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("shape", [(60, 90), (64, 64)])
def test_the_turn_is_found_by_the_picture_and_leads_to_the_same_pixel(
    turn: tuple[bool, bool, bool], shape: tuple[int, int]
) -> None:
    array = np.full(shape, 10.0)
    array[5:20, 30:60] = 90
    array[41, 7] = 255
    seen = turned(array, turn)
    assert which_turn(array, seen) == turn
    x, y, _ = turn_matrix(turn, shape) @ (41, 7, 1)
    assert seen[int(y), int(x)] == 255


def test_a_smaller_picture_is_recognised_and_another_shape_is_not() -> None:
    array = np.random.default_rng(0).normal(size=(61, 91)).cumsum(axis=0).cumsum(axis=1)
    assert which_turn(array, array[::4, ::4][::-1]) == (False, True, False)
    assert which_turn(array, np.zeros((40, 90))) is None


def test_a_picture_without_contrast_is_taken_as_readers_give_it() -> None:
    assert which_turn(np.zeros((8, 8)), np.zeros((8, 8))) == (True, False, False)
    assert which_turn(np.zeros((8, 4)), np.zeros((8, 4))) == (False, False, False)


@pytest.mark.parametrize("axcodes", ["RAS", "LPS", "PIR", "SAL"])
def test_a_volume_runs_to_left_back_and_head_however_it_was_stored(axcodes: str) -> None:
    in_lps = np.zeros((6, 7, 8))
    in_lps[1, 2, 3] = 1
    spacing = {"L": 1.5, "P": 2.0, "S": 3.0}
    from_lps = nib.orientations.axcodes2ornt(("L", "P", "S"))
    change = nib.orientations.ornt_transform(from_lps, nib.orientations.axcodes2ornt(tuple(axcodes)))
    stored = nib.orientations.apply_orientation(in_lps, change)
    affine = np.diag([-1.5, -2.0, 3.0, 1]) @ nib.orientations.inv_ornt_aff(change, in_lps.shape)
    found, along = as_seen(stored, affine)
    np.testing.assert_array_equal(found, in_lps)
    np.testing.assert_allclose(along, [*spacing.values()])


def test_an_affine_that_says_nothing_leaves_spacing_one() -> None:
    assert as_seen(np.zeros((2, 3, 4)), np.zeros((4, 4)))[1].tolist() == [1, 1, 1]
    assert as_seen(np.zeros((2, 3, 4)), np.full((4, 4), np.nan))[1].tolist() == [1, 1, 1]


def test_scaling_keeps_the_corner_of_the_first_pixel() -> None:
    matrix = centred(scaling((2.0, 3.0)))
    assert (matrix @ (-0.5, -0.5, 1))[:2].tolist() == [0, 0]
    assert (matrix @ (9.5, 9.5, 1))[:2].tolist() == [20, 30]


def test_pictures_fit_and_channels_become_grey() -> None:
    assert fitted((1, 1)) == (8, 8) and fitted((4000, 1)) == (384, 1)
    assert grey_of(np.array([[[0, 3, 6]]])).tolist() == [[3.0]]
