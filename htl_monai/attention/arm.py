"""An arm: which images are chosen, and what a training does with them, as one small JSON file says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from monai.bundle import ConfigParser

from htl_monai.attention.policy import Policy, policy_named
from htl_monai.data.files import read_json
from htl_monai.models.bundle_configs import first_cause
from htl_monai.models.bundles import find_config
from htl_monai.ranking.registry import ranking_named
from htl_monai.ranking.selection import check_rule

__all__ = ["CHOICE", "Arm", "read_arm"]

CHOICE = ("ranking", "count_as", "rule", "amount", "never_learned", "beside")
"""What an arm says of its choice; everything else is laid over the configs of its training."""
_NONE = "none"


@dataclass(frozen=True)
class Arm:
    """What is compared, by the name of its file.

    Args:
        choice: in which fields its :class:`~htl_monai.attention.choice.Choice` differs from that of the configs.
        entries: config entries of its training, ``policy`` among them.
    """

    name: str
    meaning: str
    choice: Mapping[str, Any]
    entries: Mapping[str, Any]

    @property
    def trains(self) -> bool:
        """Whether it trains on at all."""
        return self.entries["policy"] != _NONE

    @property
    def chooses(self) -> bool:
        """Whether it chooses images."""
        return self.choice.get("ranking", True) is not None

    @cached_property
    def policy(self) -> Policy:
        """What its training does with them."""
        return policy_named(_made(self.entries["policy"]))

    @property
    def reads_training(self) -> bool:
        """Whether it chooses by what a training recorded."""
        named = (*_several(self.choice.get("ranking")), *_several(self.choice.get("count_as")))
        return any(ranking_named(_made(ranking)).reads_training for ranking in named)


def read_arm(arm: str) -> Arm:
    """Read an arm.

    Args:
        arm: the name of one of the package's, such as ``htl``, or the path of a JSON file of the user's, which runs as
            code: ``./my_arm.json``.

    Raises:
        FileNotFoundError: there is no such arm.
        KeyError: there is no such policy or ranking.
        ValueError: the file cannot be read, says nothing of what is done, or has a name that no folder can have.
    """
    path = find_config("arms", arm)
    content = dict(read_json(path, "correct the arm"))
    if not re.fullmatch(r"\w+", path.stem):
        raise ValueError(f"arm must be a file named by letters, digits and _, got {path.name}; rename it")
    if "policy" not in content:
        raise ValueError(f"arm {path} must say which policy it trains by, got {', '.join(content)}; see configs/arms")
    meaning = str(content.pop("_desc_", ""))
    choice = {name: content.pop(name) for name in CHOICE if name in content}
    _check_choice(choice)
    found = Arm(path.stem, meaning, choice, content)
    if found.trains and found.policy.chooses != found.chooses:
        raise ValueError(
            f"ranking of the arm {path} must be {'one' if found.policy.chooses else 'null'} for the policy "
            f"{found.policy.name}, got {choice.get('ranking', 'that of the configs')!r}; correct it"
        )
    return found


def _check_choice(choice: Mapping[str, Any]) -> None:
    """Refuse a choice that could not be made, before anything is trained; what it leaves open the configs say."""
    for ranking in (*_several(choice.get("ranking")), *_several(choice.get("count_as"))):
        ranking_named(_made(ranking))
    rule = choice.get("rule", "threshold")
    amount = choice.get("amount", 1)  # fits every rule
    check_rule(rule, amount if "rule" in choice else 1, choice.get("never_learned", "exclude"))


def _several(named: Any) -> list[Any]:
    return named if isinstance(named, list) else [] if named is None else [named]


def _made(what: Any) -> Any:
    """Return what a config names by ``_target_``."""
    if not isinstance(what, Mapping):
        return what
    try:
        return ConfigParser({"it": what}).get_parsed_content("it")
    except Exception as error:  # a config is code: it may raise anything
        target = what.get("_target_")
        raise ValueError(
            f"_target_ of an arm must be a policy or a ranking that can be made, got {target!r}: {first_cause(error)}; "
            "correct the arm"
        ) from error
