"""Peak memory of mining few and many images, each in a process of its own: ``benchmark_memory.py ENTRIES.json``."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark_loops import bundle_workflow

from htl_monai.data.files import write_json

__all__ = ["mining_memory"]


def mining_memory(
    counts: Sequence[int],
    items: Sequence[Mapping[str, Any]],
    unlabelled: bool,
    overlays: Sequence[str],
    entries: Mapping[str, Any],
    folder: Path,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Mine each number of images in a process of its own.

    Args:
        counts: numbers of images.
        items: a data list; its files are read again and again under new ids where there are fewer of them.
        unlabelled: mine them as images without mask.
        overlays: config files applied on top of the bundle's.
        entries: config entries to replace.
        folder: where to work.
        say: told what was measured.

    Returns:
        ``images``, ``peak_mib`` (the main process) and ``worker_peak_mib`` (its largest worker, None without workers)
        by count.
    """
    results = []
    for count in counts:
        data = [{**items[i % len(items)], "id": f"image_{i:06d}"} for i in range(count)]
        run_id, name = ("mining_unlabelled", "unlabelled") if unlabelled else ("mining", "training")
        place = folder / f"memory_{run_id}_{count}"
        write_json(place / "data.json", {"training": [], "validation": [], "test": [], "unlabelled": [], name: data})
        places = {"dataset_dir": str(place / "data.json"), "output_dir": str(place / "out")}
        settings = {"run_id": run_id, "overlays": list(overlays), "entries": {**entries, **places}}
        write_json(place / "entries.json", settings)
        command = [sys.executable, str(Path(__file__).resolve()), str(place / "entries.json")]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"mining {count} images must end well, got exit code {run.returncode}: {run.stderr}")
        result = json.loads(run.stdout.strip().splitlines()[-1])
        results.append({"images": count, **result})
        say(f"  {count} images: {result['peak_mib']:.0f} MiB")
    return results


def _peak_mib() -> float:
    """Return the peak resident memory of this process.

    Linux hands ``ru_maxrss`` down from the process that started this one, so its own record goes first.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    return _mib(resource.RUSAGE_SELF)


def _mib(who: int) -> float:
    # Kilobytes on Linux, bytes on macOS.
    return resource.getrusage(who).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Mine as the file given says; print the peak memory as one line of JSON."""
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    workflow = bundle_workflow(settings["run_id"], settings["overlays"], settings["entries"])
    workflow.run()
    has_workers = workflow.parser.get_parsed_content("num_workers") > 0
    worker_peak_mib = _mib(resource.RUSAGE_CHILDREN) if has_workers else None
    print(json.dumps({"peak_mib": _peak_mib(), "worker_peak_mib": worker_peak_mib}))


if __name__ == "__main__":
    main()
