"""Starts Debian's Chromium without a window, for the tests and the benchmark of the report's page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FLAGS = (
    *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"),
    *("disable-background-networking", "disable-component-update", "disable-dev-shm-usage"),
)


def start_chromium(folder: Path) -> Chrome:
    """Start a browser that keeps its profile in ``folder`` and what it saves in ``folder/downloads``.

    Raises:
        FileNotFoundError: Chromium or its driver is not installed.
        ImportError: selenium is not installed.
    """
    from selenium import webdriver

    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        raise FileNotFoundError(
            "Chromium must be installed with its driver, got none; apt-get install chromium chromium-driver"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"user-data-dir={folder / 'profile'}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    saving = {"behavior": "allow", "downloadPath": str(folder / "downloads")}
    chrome.execute_cdp_cmd("Browser.setDownloadBehavior", saving)
    return chrome


def show_as(chrome: Chrome, width: int = 1280, height: int = 800, dark: bool = False) -> None:
    """Give the window a size, and the system a light or a dark look."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
