"""What each policy shows in an epoch, in plain lists of numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from htl_monai.attention.attend import PolicySampler
from htl_monai.attention.curriculum import Curriculum
from htl_monai.attention.everything import Everything
from htl_monai.attention.finetune import FineTune
from htl_monai.attention.policy import Policy, policies, policy_named
from htl_monai.attention.remine import Remine
from htl_monai.attention.remove import Remove
from htl_monai.attention.replay import Replay
from htl_monai.attention.train_on import TrainOn
from htl_monai.attention.upweight import Upweight
from htl_monai.attention.weighted import Weighted

DATA = [{"id": f"image_{number}"} for number in range(10)]
CHOSEN = [DATA[7], DATA[2]]


def ids(policy: Policy, seed: int = 0) -> list[int]:
    return [int(item["id"].split("_")[1]) for item in policy.items(DATA, CHOSEN, seed)]


def test_each_shows_what_its_name_says() -> None:
    everything = list(range(10))
    assert ids(FineTune()) == [7, 2]
    assert ids(Everything()) == ids(Weighted()) == ids(Remine()) == ids(Curriculum()) == everything
    assert ids(Upweight(times=3)) == ids(TrainOn(times=3)) == [*everything, 2, 7, 2, 7]  # in the order of the data
    assert ids(Remove()) == [0, 1, 3, 4, 5, 6, 8, 9]


def test_images_that_the_training_list_lacks_are_shown_as_often() -> None:
    new = {"id": "unlabelled"}
    assert Upweight(times=2).items(DATA, [new, DATA[1]], 0) == [*DATA, DATA[1], new, new]


@pytest.mark.parametrize(("ratio", "count"), [(0.5, 1), (2, 4), (100, 8)])
def test_replay_adds_others(ratio: float, count: int) -> None:
    shown = ids(Replay(ratio), seed=3)
    assert shown[:2] == [7, 2] and len(shown) == 2 + count == len(set(shown))
    assert shown == ids(Replay(ratio), seed=3)


def test_weights_grow_with_hardness() -> None:
    hardness = [0.0, 0.25, 0.5, -0.4, np.nan, np.inf]
    assert Weighted(strength=2).weights(hardness) == [1, 1.5, 2, 1, 1, 1]
    assert Weighted(strength=2, never_learned=True).weights(hardness)[-1] == 3
    assert Weighted(strength=2).weights([4.0, 1.0]) == [3, 1.5]  # a loss has no upper end: the largest counts as 1


def test_the_sampler_draws_hard_images_more_often() -> None:
    sampler = PolicySampler(DATA, DATA, Weighted(strength=9), {"image_4": 1.0}, 10, 5, seed=1)
    drawn: Counter[int] = Counter()
    for epoch in range(300):
        sampler.set_epoch(epoch)
        drawn.update(sampler)
    assert sum(drawn.values()) == 3000 and len(sampler) == 10
    assert drawn[4] / 3000 == pytest.approx(10 / 19, abs=0.03)
    assert all(drawn[index] / 3000 == pytest.approx(1 / 19, abs=0.02) for index in range(10) if index != 4)


def test_new_hardness_counts_in_the_next_epoch() -> None:
    sampler = PolicySampler(DATA, DATA, Weighted(strength=1e9), {}, 10, 5)
    sampler.refresh({"image_4": 1.0})
    sampler.set_epoch(1)
    assert set(sampler) == {4}


@pytest.mark.parametrize("policy", [Weighted(), Curriculum(), FineTune()])
def test_an_epoch_is_drawn_from_seed_and_epoch_alone(policy: Policy) -> None:
    def drawn(seed: int, epochs: list[int]) -> list[int]:
        sampler = PolicySampler(DATA, DATA, policy, {}, 10, 5, seed)
        found: list[int] = []
        for epoch in epochs:
            sampler.set_epoch(epoch)
            found = list(sampler)
        return found

    assert drawn(1, [1, 2]) == drawn(1, [2])
    assert drawn(1, [2]) != drawn(2, [2])


def test_an_epoch_of_equal_steps_shows_each_chosen_image_as_often_as_the_others() -> None:
    sampler = PolicySampler(CHOSEN, CHOSEN, FineTune(), {}, 7, 5)
    sampler.set_epoch(1)
    assert sorted(Counter(sampler).values()) == [3, 4]


def test_two_processes_share_what_one_would_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    one = PolicySampler(DATA, DATA, Everything(), {}, 10, 5)
    one.set_epoch(3)
    parts = []
    for rank in range(2):
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda group=None: 2)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda group=None, rank=rank: rank)
        half = PolicySampler(DATA, DATA, Everything(), {}, 10, 5)
        half.set_epoch(3)
        parts.append(list(half))
    assert [place for pair in zip(*parts, strict=True) for place in pair] == list(one)


def test_a_curriculum_begins_with_the_easiest_and_ends_with_all() -> None:
    hardness = {f"image_{number}": float(number) for number in range(9)}  # of the last one nothing is known
    sampler = PolicySampler(DATA, DATA, Curriculum(first_share=0.2, grown_by=0.5), hardness, 10, 8)
    shown = []
    for epoch in range(1, 9):
        sampler.set_epoch(epoch)
        shown.append(len(set(sampler)))
        assert set(sampler) == set(range(shown[-1]))
    assert shown == [2, 4, 6, 8, 10, 10, 10, 10]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Replay(0), "ratio must be above 0, got 0; give others"),
        (lambda: Weighted(-1), "strength must be above 0, got -1"),
        (lambda: Remine(remine_every=0), "remine_every must be at least 1, got 0"),
        (lambda: Upweight(1), "times must be a whole number from 2, got 1"),
        (lambda: Curriculum(first_share=0), r"first_share must be in \(0, 1\], got 0"),
        (lambda: Remove().items(DATA, DATA, 0), "amount must leave images to train on, got all 10 chosen"),
    ],
)
def test_options_that_do_nothing_are_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_every_policy_is_found_by_its_name_and_says_what_it_does() -> None:
    assert {name: kind.name for name, kind in policies().items()} == {name: name for name in policies()}
    assert all(len(kind.meaning.split()) > 4 for kind in policies().values())
    with pytest.raises(KeyError, match="policy must be one of curriculum, everything, .*, got 'rest'; name one"):
        policy_named("rest")
