"""Take the pictures of the page: `python docs/gallery/page.py DEMO OUT`, where `mitoshi demo --out DEMO` has been run.

Serves a copy of the demonstration's catalogue on a free port of this machine and drives Debian's Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

CHROMIUM = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def idle(page: Any) -> None:
    """Wait until the globe has drawn everything."""
    for _ in range(240):  # polled from here: the page's own policy lets no script be made from text
        if page.evaluate("Boolean(window.mitoshi?.ready && window.mitoshi.globe?.isIdle())"):
            break
        page.wait_for_timeout(500)
    page.wait_for_timeout(500)


def value(page: Any) -> None:
    """Ask for the value in the middle of the flood."""
    page.mouse.click(850, 430)
    page.wait_for_timeout(3000)


def evidence(page: Any) -> None:
    """Open the evidence of the flood map."""
    page.get_by_role("tab", name="証跡").click()
    page.get_by_text("レーダーによる浸水域").last.click()
    page.wait_for_timeout(3000)


def nothing(page: Any) -> None:
    """Leave the page as it opens."""


PICTURES = (
    ("page.en.png", "en-GB", (1280, 720), value),
    ("page.ja.png", "ja-JP", (1280, 720), evidence),
    ("phone.ja.png", "ja-JP", (390, 844), nothing),
)


def take(address: str, out: Path) -> None:
    """Take every picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM))
        for name, locale, (width, height), act in PICTURES:
            page = browser.new_page(viewport={"width": width, "height": height}, locale=locale)
            page.goto(address)
            idle(page)
            act(page)
            idle(page)
            page.screenshot(path=str(out / name))
            page.close()
        browser.close()


def main(demo: Path, out: Path) -> None:
    """Serve the demonstration and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "catalogue"
        shutil.copytree(next(demo.glob("region-*")) / "catalogue", store)
        command = ["mitoshi", "serve", "--store", str(store), "--bundles", str(demo / "response"), "--data", str(demo)]
        with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as service:  # noqa: S603
            lines = service.stdout or ()
            try:
                take(next(line.split()[2] for line in lines if line.startswith("mitoshi serves")), out)
            finally:
                service.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
