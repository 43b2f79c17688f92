"""Checks a bundle the way the MONAI model zoo does before it accepts one, without a network connection.

    python scripts/verify_bundle.py [bundle/lesion_localization ...]

Without names it checks each folder of bundle/. It stops at the first fault, with one sentence and exit code 1.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import torch
from jsonschema.exceptions import best_match
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export, verify_net_in_out

from htl_monai.models.bundles import bundle_config
from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.phantoms.xray_phantom import write_xray_phantom

BUNDLES = Path(__file__).resolve().parents[1] / "bundle"
SCHEMA = BUNDLES / "meta_schema.json"  # the URL in metadata.json cannot be reached from every machine
REQUIRED_FILES = (
    *("LICENSE", "docs/README.md"),
    *("configs/metadata.json", "configs/inference.json", "configs/train.json"),
)
CPU = {"device": "$torch.device('cpu')"}
WORKFLOWS: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...] = (
    ("train", ("train.json",), CPU),
    ("train", ("train.json", "stages/evaluate.json"), CPU),
    ("inference", ("inference.json",), {**CPU, "load_pretrain": False}),
)
HEADINGS = (
    *("Model Overview", "Data", "Training configuration", "Performance", "MONAI Bundle Commands", "References"),
    "License",
)


def check_files(bundle: Path) -> str:
    """Refuse a bundle without its licence, metadata or base configs."""
    missing = [name for name in REQUIRED_FILES if not (bundle / name).is_file()]
    if missing:
        raise ValueError(f"the bundle must hold {', '.join(REQUIRED_FILES)}, got none of {missing}; add them")
    return "licence, metadata and configs are there"


def check_headings(bundle: Path) -> str:
    """Refuse documentation whose headings are not those of the model zoo, in its order."""
    lines = (bundle / "docs/README.md").read_text(encoding="utf-8").splitlines()
    found = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    if found != [*HEADINGS]:
        raise ValueError(f"docs/README.md must have the headings {', '.join(HEADINGS)}, got {found}; name them so")
    return "the documentation has the model zoo's headings"


def check_version(bundle: Path) -> str:
    """Refuse a version that the metadata's own changelog does not explain."""
    metadata = _read_json(bundle / "configs/metadata.json")
    version, changelog = metadata.get("version"), metadata.get("changelog", {})
    if version not in changelog:
        raise ValueError(f"version must be a key of changelog, got {version!r}; add it to {sorted(changelog)}")
    return f"version {version} is in the changelog"


def check_metadata(bundle: Path) -> str:
    """Refuse metadata that the schema does not accept."""
    validator = jsonschema.Draft202012Validator(_read_json(SCHEMA))
    fault = best_match(validator.iter_errors(_read_json(bundle / "configs/metadata.json")))
    if fault is not None:
        place = "#".join(str(part) for part in fault.absolute_path) or "the top level"
        raise ValueError(f"configs/metadata.json must satisfy {SCHEMA.name}, got at {place}: {fault.message}; fix it")
    return f"metadata satisfy {SCHEMA.name}"


def check_packages(bundle: Path) -> str:
    """Refuse an inference config that needs this package and does not say so: an export may run with MONAI alone."""
    packages = _read_json(bundle / "configs/metadata.json").get("required_packages_version", {})
    used = "htl_monai" in (bundle / "configs/inference.json").read_text(encoding="utf-8")
    if used and "htl-monai" not in packages:
        raise ValueError(
            "configs/inference.json must use MONAI's own parts, or metadata.json must require htl-monai, "
            "got one of htl_monai that is not required; replace the part, or require the package"
        )
    return "inference needs htl-monai, as the metadata say" if used else "inference needs MONAI alone"


def check_properties(bundle: Path) -> str:
    """Refuse configs in which an entry that MONAI's training and inference workflows read is missing or can't be built.

    The entries are built, so they get something to read: drawn images, of all diagnoses or of many findings.
    """
    many_findings = "image_cache" in _read_json(bundle / "configs/train.json")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "phantom"
        if many_findings:
            images = write_xray_phantom(path, {"training": 40, "validation": 40, "test": 40}, size=(64, 64))
        else:
            images = write_phantom(path, {"training": 16, "validation": 2, "test": 2}, size=(64, 64))
        for workflow_type, names, settings in WORKFLOWS:
            workflow = ConfigWorkflow(
                config_file=[str(bundle_config(bundle, name)) for name in names],
                meta_file=str(bundle / "configs/metadata.json"),
                logging_file=False,
                workflow_type=workflow_type,
                bundle_root=str(bundle),
                dataset_dir=str(images),
                output_dir=str(Path(folder) / "runs"),
                **settings,
            )
            workflow.initialize()
            wrong = workflow.check_properties()
            if wrong:
                raise ValueError(
                    f"configs/{names[0]} must define every {workflow_type} property, got {wrong} wrong; fix it"
                )
    return "what MONAI's training and inference read can be built"


def check_network(bundle: Path) -> str:
    """Refuse a network whose channels or types are not those that the metadata state."""
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(bundle / "configs/metadata.json"),
        config_file=str(bundle / "configs/inference.json"),
        device="cpu",
        bundle_root=str(bundle),
    )
    return "the network takes and gives what the metadata state"


def check_export(bundle: Path) -> str:
    """Refuse weights that do not fit the network, or a network that TorchScript cannot hold."""
    weights = bundle / "models/model.pt"
    config = str(bundle / "configs/inference.json")
    with tempfile.TemporaryDirectory() as folder:
        source = "models/model.pt"
        if not weights.is_file():
            source = "made-up weights (models/model.pt is not there)"
            weights = Path(folder) / "model.pt"
            network = ConfigParser(ConfigParser.load_config_file(config)).get_parsed_content("network_def")
            torch.save(network.state_dict(), weights)
        exported = Path(folder) / "model.ts"
        ckpt_export(
            net_id="network_def",
            filepath=str(exported),
            ckpt_file=str(weights),
            meta_file=str(bundle / "configs/metadata.json"),
            config_file=config,
            bundle_root=str(bundle),
        )
        torch.jit.load(str(exported))
    return f"{source} go into TorchScript and out again"


CHECKS: tuple[Callable[[Path], str], ...] = (
    check_files,
    check_headings,
    check_version,
    check_metadata,
    check_packages,
    check_properties,
    check_network,
    check_export,
)


def verify(bundle: Path) -> None:
    """Run every check on one bundle, printing a line each.

    Args:
        bundle: the bundle's folder.

    Raises:
        ValueError: the bundle has a fault; the message is one sentence that names it.
    """
    print(bundle.name)
    for check in CHECKS:
        try:
            said = check(bundle)
        except Exception as error:  # MONAI, torch and jsonschema raise whatever they like
            what = " ".join(str(error).split())
            raise ValueError(f"{bundle}: {check.__name__}: {what[:500]}") from error
        print(f"  ok  {said}")


def main(names: Sequence[str]) -> int:
    """Verify the named bundles, or else each folder of bundle/; return the exit code."""
    logging.disable(logging.WARNING)  # MONAI logs every argument; the checks say what matters
    bundles = [Path(name) for name in names] or sorted(path for path in BUNDLES.iterdir() if path.is_dir())
    try:
        for bundle in bundles:
            verify(bundle)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
