"""A real Chromium on a real service; what the page says to the console and whom it calls is kept."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
IDLE_SECONDS = 60.0
AXE = Path(__file__).parent / "axe" / "axe.min.js"
# Said by the software renderer of a machine without a graphics card, not by the page.
NOT_OF_THE_PAGE = ("GPU stall due to ReadPixels",)


class Visit(NamedTuple):
    """An open page, and all that it complained about or asked of others."""

    page: Page
    complaints: list[str]
    foreign: list[str]

    def idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Wait until the globe has drawn everything that is shown."""
        end = time.monotonic() + seconds
        while not self.page.evaluate("Boolean(window.mitoshi?.ready && window.mitoshi.globe?.isIdle())"):
            if time.monotonic() > end:
                errors = self.page.evaluate("window.mitoshi?.globe?.errors ?? ['no globe']")
                raise AssertionError(f"the globe was not idle after {seconds} s: {errors}, {self.complaints}")
            self.page.wait_for_timeout(200)

    def clean(self) -> None:
        """Assert that nothing went wrong and that nobody else was called."""
        assert self.foreign == []
        assert self.complaints == []
        assert self.page.evaluate("window.mitoshi.globe.errors") == []


def _chromium() -> str:
    """Return the path of Chromium; install it where Debian's installer is at hand, one test process at a time."""
    with (Path(tempfile.gettempdir()) / f"mitoshi-chromium-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _installed()


def _installed() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found:
        return found
    if shutil.which("apt-get") is None:
        pytest.skip("no Chromium, and no apt-get to install it with")
    if os.geteuid() != 0 and shutil.which("sudo") is None:
        pytest.skip("no Chromium, and neither root nor sudo to install it with apt-get")
    leave = [] if os.geteuid() == 0 else ["sudo", "-n"]
    install = [
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=300",
        "install",
        "-y",
        "--no-install-recommends",
        "chromium",
        "fonts-noto-cjk",
    ]
    for command in (["apt-get", "update"], install):
        subprocess.run([*leave, *command], check=True, capture_output=True, timeout=600)
    return shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a headless Chromium; it draws in software where there is no graphics card.

    It ends with its module: while Playwright is open, its event loop occupies the thread, and no other test could have one.
    """
    from playwright.sync_api import sync_playwright

    path = _chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Return what opens an address in a window of its own: `visit(url, width, height, locale)`."""
    contexts = []

    def opened(url: str, width: int = 800, height: int = 500, locale: str = "en-GB", **more: bool) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale=locale, accept_downloads=True, **more
        )
        contexts.append(context)
        made = Visit(context.new_page(), [], [])
        made.page.set_default_timeout(30_000)
        _listen(made, url)
        made.page.goto(url)
        return made

    yield opened
    for context in contexts:
        context.close()


def _listen(visit: Visit, url: str) -> None:
    own = (f"{url.rstrip('/')}/", "data:", f"blob:{url}")

    def console(message: ConsoleMessage) -> None:
        ours = not any(words in message.text for words in NOT_OF_THE_PAGE)
        if message.type in {"error", "warning"} and ours:
            visit.complaints.append(f"{message.type}: {message.text[:300]}")

    def request(asked: Request) -> None:
        if not asked.url.startswith(own):
            visit.foreign.append(asked.url)

    def response(given: Response) -> None:
        if given.status >= 400:
            visit.complaints.append(f"{given.status}: {given.url}")

    visit.page.on("console", console)
    visit.page.on("pageerror", lambda error: visit.complaints.append(f"uncaught: {error}"))
    visit.page.on("request", request)
    visit.page.on("response", response)


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """Return what lists the serious and critical faults that axe-core finds on a page as it stands."""

    def run(page: Page) -> list[str]:
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [
            f"{fault['impact']} {fault['id']}: {node['html'][:160]}"
            for fault in found
            if fault["impact"] in {"serious", "critical"}
            for node in fault["nodes"][:3]
        ]

    return run
