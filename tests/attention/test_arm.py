"""An arm is one small file; those of the package say what they are for and what they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from htl_monai.attention.arm import read_arm
from htl_monai.attention.choice import Choice
from htl_monai.models.bundles import find_bundle, own_configs
from htl_monai.runs.graph import stages_of
from htl_monai.runs.overlays import check_all_apply, merged_config
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting, setting_names

ARMS = own_configs("arms")


def written(folder: Path, name: str = "mine", **content: Any) -> str:
    (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return str(folder / f"{name}.json")


@pytest.mark.parametrize("name", ARMS)
def test_each_that_comes_with_the_package(name: str) -> None:
    arm = read_arm(name)
    assert arm.name == name and len(arm.meaning.split()) > 4
    assert len(ARMS[name].read_text(encoding="utf-8").splitlines()) <= 20
    if arm.trains:
        Choice(**{key: value for key, value in arm.choice.items() if key != "ranking"})
        assert isinstance(arm.reads_training, bool) and arm.policy.meaning


@pytest.mark.parametrize("setting", setting_names())
def test_what_an_arm_lays_over_a_training_is_an_entry_of_it(setting: str) -> None:
    chosen = read_setting(setting)
    left_out = {"focal_loss", "dice_finetuning"} if setting in ("weakly_supervised", "chest_xray") else set()
    if not chosen.choose.get("labelled", True):
        left_out |= {"loss", "dense_error", "jtt", "mislabelled_removed"}
    if chosen.pseudo_labels:
        left_out |= {"weighted", "remine", "curriculum", "removed", "removed_random"}
    stages = stages_of(chosen, [name for name in ARMS if name not in left_out], seeds=[0, 1])
    bundle = find_bundle(chosen.bundle)
    made: set[str] = set()
    for stage in stages:
        assert set(stage.inputs) <= made, stage.name
        made |= {f"{stage.name}/{name}" for name in stage.outputs}
        if stage.run_id == "finetuning":
            check_all_apply(stage.settings, {stage.name: merged_config(bundle, stage, {})})


def test_a_new_arm_is_one_file(tiny_phantom: Path, tmp_path: Path) -> None:
    own = written(
        tmp_path,
        ranking={"_target_": "htl_monai.ranking.forgetting.Forgetting", "level": 0.5},
        rule="count",
        amount=3,
        policy={"_target_": "htl_monai.attention.replay.Replay", "ratio": 2.0},
        finetune_learning_rate=0.001,
    )
    plan = plan_setting("supervised", tiny_phantom, tmp_path / "run", arms=[own, "random"], seeds=[1])
    stages = {planned.stage.name: planned for planned in plan.stages}
    assert plan.stages[-1].entries["arms"] == ["dense", "mine", "random"]
    chosen = stages["seed_1/selecting"].entries["arms"]
    assert chosen["mine"]["amount"] == 3 and chosen["random"] == {"ranking": "random"}
    tuned = stages["seed_1/finetuning_mine"]
    assert tuned.config["finetune_learning_rate"] == 0.001 and tuned.config["budget"] == "steps"
    assert stages["seed_1/finetuning_random"].config["finetune_learning_rate"] != 0.001


def test_arms_take_equal_steps_where_they_are_named_and_nothing_else_is_said(
    tiny_phantom: Path, tmp_path: Path
) -> None:
    def budget(**words: Any) -> str:
        stages = plan_setting("supervised", tiny_phantom, tmp_path / "run", **words).stages
        return next(planned.config["budget"] for planned in stages if planned.stage.run_id == "finetuning")

    assert budget() == "epochs" and budget(arms=["htl", "random"]) == "steps"
    assert budget(arms=["htl"], settings={"budget": "epochs"}) == "epochs"
    plan_setting("supervised", tiny_phantom, tmp_path / "run", arms=["dense"])  # nothing is trained on


def test_what_training_on_from_the_middle_needs_is_made_for_it_alone() -> None:
    names = {stage.name for stage in stages_of(read_setting("supervised"), ["htl", "jtt"])}
    assert "training_halfway" in names
    assert "training_halfway" not in {stage.name for stage in stages_of(read_setting("supervised"))}
    stages = {stage.name: stage for stage in stages_of(read_setting("supervised"), ["jtt", "htl"])}
    tuned, chosen = stages["finetuning_jtt"], stages["selecting_halfway"]
    assert tuned.paths["dense_path"] == "training_halfway/dense.pt" and "training/dense.pt" not in tuned.inputs
    assert tuned.paths["selection_path"] == "selecting_halfway/jtt.json"  # the errors are those of that network
    assert chosen.paths["mined_paths"] == ["mining_halfway/scores.nc"] and list(chosen.settings["arms"]) == ["jtt"]
    assert stages["mining_halfway"].paths["dense_path"] == "training_halfway/dense.pt"
    assert list(stages["selecting"].settings["arms"]) == ["htl"]
    shared = {stage.name for stage in stages_of(read_setting("chest_xray"), ["jtt"], seeds=[0, 1])}
    assert "selecting_halfway" in shared and "seed_1/mining_training_halfway" in shared


@pytest.mark.parametrize(
    "ranking", ["el2n", {"_target_": "htl_monai.ranking.random_within.RandomWithin", "like": "aum"}]
)
def test_what_an_arm_reads_of_the_training_is_recorded_for_it_alone(ranking: Any, tmp_path: Path) -> None:
    own = written(tmp_path, ranking=ranking, policy="finetune")
    for seeds, folder in ((None, ""), ([0, 1], "seed_1/")):
        stages = {stage.name: stage for stage in stages_of(read_setting("supervised"), ["htl", own], seeds)}
        training, chosen = stages[f"{folder}training"], stages[f"{folder}selecting"]
        assert training.settings["record_dynamics"] is True and "dynamics.nc" in training.outputs
        assert chosen.paths["dynamics_paths"] == [f"{folder}training/dynamics.nc"]
        assert f"{folder}training/dynamics.nc" in chosen.inputs
    usual = {stage.name: stage for stage in stages_of(read_setting("supervised"), ["htl"])}
    assert not usual["training"].settings and "dynamics_paths" not in usual["selecting"].paths
    late = written(tmp_path, ranking="aum", policy="train_on")
    stages = {stage.name: stage for stage in stages_of(read_setting("supervised"), [late])}
    assert stages["selecting_halfway"].paths["dynamics_paths"] == ["training_halfway/dynamics.nc"]
    assert not stages["training"].settings and stages["training_halfway"].settings["record_dynamics"] is True


def test_an_overlay_may_say_how_to_choose_where_no_arm_chooses(tiny_phantom: Path, tmp_path: Path) -> None:
    overlays = ["sizes/demo.json"]
    plan = plan_setting("supervised", tiny_phantom, tmp_path / "run", overlays, arms=["dense_continued"])
    assert "selecting" not in {planned.stage.name for planned in plan.stages}
    with pytest.raises(KeyError, match="rule must be an entry of the configs"):
        plan_setting("supervised", tiny_phantom, tmp_path / "run", settings={"rule": "top"}, arms=["dense_continued"])


def test_an_arm_without_a_choice_needs_no_selection() -> None:
    names = {stage.name for stage in stages_of(read_setting("supervised"), ["dense_continued"])}
    assert names == {
        *("preparing", "training", "mining", "finetuning_dense_continued"),
        *("evaluating_dense", "evaluating_dense_continued", "reporting"),
    }


@pytest.mark.parametrize(
    ("setting", "arm", "words"),
    [
        (
            "semi_supervised",
            "loss",
            "arm loss must be one that the stage mining_unlabelled of .* got loss: It needs lab",
        ),
        ("semi_supervised", "el2n", "arm el2n must be .* got el2n: It needs what the training of these samples record"),
        (
            "weakly_supervised",
            "jtt",
            "arm jtt must be .*, got dense_error: It needs labels.* leave the arm out, or take",
        ),
        ("semi_supervised", "weighted", "arm weighted must take images without mask .* got the policy weighted"),
    ],
)
def test_an_arm_that_cannot_do_with_the_images_is_refused_before_anything_runs(
    tiny_phantom: Path, tmp_path: Path, setting: str, arm: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        plan_setting(setting, tiny_phantom, tmp_path / "run", arms=["htl", arm])
    assert not (tmp_path / "run").exists()


NEVER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"ranking": "pie_spearman"},
        {},
        "got pie_spearman: It needs prob.* no probability among the scores; leave the arm",
    ),
    ({"ranking": {"_target_": "htl_monai.ranking.forgetting.Forgetting", "level": 0.55}}, {}, "asks for level 0.55;"),
    ({"ranking": {"_target_": "htl_monai.ranking.forgetting.Forgetting", "of": "hausdorff"}}, {}, "no hausdorff among"),
    ({"count_as": "box_change"}, {}, "got box_change: It needs boxes of a pruned level beside"),
    ({"rule": "count", "amount": 10}, {}, "amount of the arm mine must be at most 9, the number of images .*, got 10"),
    ({}, {"ranking": "el2n"}, r"got el2n: It needs what the training .*\(record_dynamics, or an arm that ranks by it"),
    ({"policy": "remine", "ranking": "aum"}, {}, "that mining again in lesion_localization makes, got aum"),
    ({"finetune_epochs": "ten"}, {}, "^finetune_epochs must be a whole number from 1, got 'ten'"),
    ({"budget": "step"}, {}, "^budget must be one of epochs, steps, got 'step'; did you mean steps"),
]


@pytest.mark.parametrize(("content", "settings", "words"), NEVER)
def test_what_an_arm_will_never_get_is_refused_before_anything_runs(
    content: dict[str, Any], settings: dict[str, Any], words: str, tiny_phantom: Path, tmp_path: Path
) -> None:
    own = written(tmp_path, **{"policy": "finetune", **content})
    with pytest.raises(ValueError, match=words):
        plan_setting("supervised", tiny_phantom, tmp_path / "run", arms=[own], settings=settings)
    assert not (tmp_path / "run").exists()


def test_an_arm_may_say_its_own_budget(tiny_phantom: Path, tmp_path: Path) -> None:
    own = written(tmp_path, policy="finetune", budget="epochs", rule="count", amount=9)
    stages = plan_setting("supervised", tiny_phantom, tmp_path / "run", arms=[own]).stages
    assert {planned.config["budget"] for planned in stages if planned.stage.run_id == "finetuning"} == {"epochs"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "my-arm",
            {"policy": "finetune"},
            "arm must be a file named by letters, digits and _, got my-arm.json; rename",
        ),
        ("mine", {"ranking": "loss"}, "must say which policy it trains by, got ranking; see configs/arms"),
        ("mine", {"ranking": None, "policy": "remove"}, "must be one for the policy remove, got None; correct it"),
        ("mine", {"ranking": "loss", "policy": "everything"}, "must be null for the policy everything, got 'loss'"),
        ("mine", {"policy": "finetune", "rule": "most"}, "rule must be one of threshold, top, count, got 'most'"),
        ("mine", {"policy": "finetune", "rule": "top", "amount": 7}, r"amount must be in \(0, 1\] for rule top, got 7"),
        ("mine", {"policy": "finetune", "rule": "count", "amount": "x"}, "amount must be a number, got 'x'"),
        ("mine", {"policy": "finetune", "never_learned": "x"}, "never_learned must be one of exclude, include, only"),
        (
            "mine",
            {"policy": {"_target_": "htl_monai.attention.curriculum.Curriculum", "first_share": 7}},
            r"_target_ of an arm must be .*, got '.*Curriculum': first_share must be in \(0, 1\], got 7; .*; correct",
        ),
    ],
)
def test_a_file_that_is_no_arm_is_refused(name: str, content: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        read_arm(written(tmp_path, name, **content))
    with pytest.raises(KeyError, match="policy must be one of curriculum, .*, got 'finetun'"):
        read_arm(written(tmp_path, policy="finetun"))
    for policy in (3, ["finetune"], None):
        with pytest.raises(KeyError, match="policy must be one of curriculum"):
            read_arm(written(tmp_path, policy=policy))
    for choice in ({"ranking": ["forgetting", "nothing"]}, {"count_as": "nothing"}):
        with pytest.raises(KeyError, match="ranking must be one of aum, .*, got 'nothing'"):
            read_arm(written(tmp_path, policy="finetune", **choice))


def test_a_name_that_no_config_has_and_an_arm_that_is_named_twice_are_refused(
    tiny_phantom: Path, tmp_path: Path
) -> None:
    typing_error = written(tmp_path, "mine", policy="finetune", lerning_rate=1)
    with pytest.raises(KeyError, match="lerning_rate must be an entry of the configs, .* did you mean learning_rate"):
        plan_setting("supervised", tiny_phantom, tmp_path / "run", arms=["dense", typing_error])
    for second in ("htl", written(tmp_path, "htl", policy="replay")):
        with pytest.raises(ValueError, match="arms must have different names, got dense, htl, htl; name each once"):
            plan_setting("supervised", tiny_phantom, tmp_path / "run", arms=["dense", "htl", second])
