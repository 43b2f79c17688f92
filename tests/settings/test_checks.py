"""Every setting of the bundles has a rule, every value that they ship keeps it, and a wrong one is a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from htl_monai.attention.attend import BUDGETS
from htl_monai.attention.selection import LABELLED
from htl_monai.engines.box_source import BOX_SOURCES
from htl_monai.engines.precision import PRECISIONS
from htl_monai.localization.cam_methods import METHODS
from htl_monai.ranking.selection import NEVER_LEARNED, RULES
from htl_monai.settings.checks import require_good_settings, wrong_settings
from htl_monai.settings.setting_rules import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
RULE_OF = SCHEMA["properties"]
# What says where files lie, what runs, and what a stage is about: no setting of a user's.
NO_SETTINGS = {
    "imports",
    "bundle_root",
    "plain_sampler",
    "initialize",
    "finalize",
    "models",
    "baselines",
    "arms",
    "mined",
    "training_title",
}
CONFIGS = sorted(
    path
    for path in (*ROOT.glob("bundle/*/configs/*.json"), *ROOT.glob("configs/*/*.json"))
    if path.name not in ("metadata.json", "inference.json") and path.parent.name not in ("arms", "settings")
)


def plain_entries(path: Path) -> Iterator[tuple[str, Any]]:
    for name, value in json.loads(path.read_text(encoding="utf-8")).items():
        expression = isinstance(value, str) and value.startswith(("$", "@", "%"))
        steps = isinstance(value, list) and all(isinstance(step, str) and step.startswith("$") for step in value)
        if not (expression or steps or isinstance(value, dict) or "#" in name or name in NO_SETTINGS):
            yield name, value


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for name, rule in RULE_OF.items():
        assert "enum" in rule or rule["type"] == "boolean" or rule["description"], name
        for example in rule.get("examples", []):
            assert not wrong_settings({name: example}), name


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: "/".join(path.parts[-3:]))
def test_each_setting_that_is_shipped_has_a_rule_and_keeps_it(path: Path) -> None:
    settings = dict(plain_entries(path))
    assert settings.keys() <= RULE_OF.keys(), "give the new setting a rule in htl_monai/settings/schema.json"
    assert not wrong_settings(settings)


def test_words_are_those_of_the_code() -> None:
    words = {
        "rule": RULES,
        "labelled_rule": RULES,
        "labelled": LABELLED,
        "budget": BUDGETS,
        "never_learned": NEVER_LEARNED,
        "box_from": BOX_SOURCES,
        "precision": PRECISIONS,
        "cam_method": METHODS,
    }
    for name, known in words.items():
        assert RULE_OF[name]["enum"] == list(known), name


WRONG = [
    ({"rule": "best"}, "rule must be one of threshold, top, count, got 'best'; choose one of them"),
    ({"network_size": "tinny"}, "network_size must be one of classical, slim, tiny, got 'tinny'; did you mean tiny?"),
    ({"max_epochs": "one"}, "max_epochs must be a whole number from 1, got 'one'; write 40, for example"),
    ({"max_epochs": -3}, "max_epochs must be a whole number from 1, got -3; write 40, for example"),
    ({"max_epochs": 3.0}, "max_epochs must be a whole number from 1, got 3.0; write 40, for example"),
    ({"batch_size": True}, "batch_size must be a whole number from 1, got True; write 32, for example"),
    ({"learning_rate": math.nan}, "learning_rate must be a number above 0, got nan; write 0.05, for example"),
    ({"learning_rate": math.inf}, "learning_rate must be a number above 0, got inf; write 0.05, for example"),
    ({"learning_rate": 10**400}, "learning_rate must be a number above 0, got 1000"),
    ({"skip_unusable": "yes"}, "skip_unusable must be true or false, got 'yes'"),
    (
        {"spatial_size": [8, 96]},
        "spatial_size must be height and width in pixels, from 16 to 4096, got [8, 96]; write [96, 128]",
    ),
    ({"spatial_size": 96}, "spatial_size must be height and width in pixels, from 16 to 4096, got 96; write [96, 128]"),
    ({"milestones": [20, 10]}, "milestones must rise, got [20, 10]; write the epochs in order, each once"),
    ({"sparsities": [0.5, 1.0]}, "sparsities must be a list of numbers in [0, 1), got [0.5, 1.0]; write [0.5, 0.7]"),
    ({"sparsity": 0.65, "sparsities": [0.5, 0.7]}, "sparsity must be one of sparsities, 0.5, 0.7, got 0.65; choose"),
    ({"pie_sparsity": 0.9, "sparsities": [0.5]}, "pie_sparsity must be one of sparsities, 0.5, got 0.9; choose"),
    ({"rule": "top", "amount": 20}, "amount must be in (0, 1] for rule top, got 20; give the fraction of images"),
    ({"rule": "threshold", "amount": 2}, "amount must be in (0, 1] for rule threshold, got 2; give the forgetting"),
    ({"rule": "count", "amount": 0.4}, "amount must be a whole number from 1 for rule count, got 0.4; give a number"),
    ({"labelled_rule": "top", "labelled_amount": 2}, "labelled_amount must be in (0, 1] for labelled_rule top, got 2"),
    ({"mean": [0.5], "std": [0.2, 0.2, 0.2]}, "mean and std must have one number a channel each, got [0.5] and [0.2,"),
    ({"device": "gpu"}, "device must be cpu, cuda or cuda:N, got 'gpu'; choose one of them"),
    ({"device": "$torch.device('gpu')"}, "device must be cpu, cuda or cuda:N, got 'gpu'; choose one of them"),
    ({"device": "cuda:99"}, "device must be one of this machine's, got 'cuda:99' where torch finds "),
    ({"budget": "step"}, "budget must be one of epochs, steps, got 'step'; did you mean steps?"),
]


@pytest.mark.parametrize(("settings", "words"), WRONG, ids=[words.split(" must ")[0] for _, words in WRONG])
def test_a_wrong_value_is_one_sentence(settings: dict[str, Any], words: str) -> None:
    (sentence,) = wrong_settings(settings)
    assert sentence.startswith(words)


RIGHT = [
    {"sparsity": 0.7, "sparsities": [0.5, 0.7]},
    {"sparsity": 0.7, "sparsities": "$[0.1 * i for i in range(8)]"},
    {"rule": "count", "amount": 20, "labelled_rule": "top", "labelled_amount": 1.0},
    {"max_epochs": "@finetune_epochs", "precision": {"_target_": "my.precision"}, "sparsities": ["@one", 0.5]},
    {"device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')"},
    {"device": "cpu", "ranking": ["pie_spearman", "pie_taxicab"], "policy": "replay"},
    {"anything": "else", "columns": {"image": "path", "classes": ["A", "B"]}},
]


@pytest.mark.parametrize("settings", RIGHT)
def test_right_values_and_expressions_pass(settings: dict[str, Any]) -> None:
    assert not wrong_settings(settings)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"^seed must be .*\nmax_epochs must be .*\nrule must be [^\n]*$"):
        require_good_settings({"seed": -1, "max_epochs": "one", "rule": "best", "batch_size": 4})


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_what_is_not_installed_cannot_be_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert wrong_settings({name: True}) == []
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    (sentence,) = wrong_settings({name: True})
    assert sentence.startswith(f"{name} must be false where the package {name} is not installed, got true; pip install")
    assert wrong_settings({name: False}) == []
