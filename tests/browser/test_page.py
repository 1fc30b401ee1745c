"""What a person does with the page, done in a real browser on a real service; nothing may complain and nobody else is called."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from service_fixtures import Served

    from .conftest import Visit

pytestmark = pytest.mark.slow

RUN_MS = 90_000
PANELS = ("layers", "run", "jobs", "evidence", "search")
METHOD = "disaster.flood-extent"
TARGET_PX = 44


def _instant(page: Page) -> str | None:
    return page.evaluate("window.mitoshi.state.get('time')")


def _draw_rectangle(page: Page, visit: Visit) -> None:
    """Draw the middle of the globe's view, by two clicks."""
    page.get_by_role("button", name="Draw a rectangle").click()
    box = page.locator("#globe canvas").first.bounding_box()
    assert box is not None
    for share in (0.35, 0.65):
        visit.idle()
        page.mouse.click(box["x"] + share * box["width"], box["y"] + share * box["height"])


def test_from_the_first_look_to_a_verified_product(visit: Callable[..., Visit], served: Served, tmp_path):
    seen = visit(served.url)
    page = seen.page
    seen.idle()
    expect(page.locator(".badge")).to_have_text("Simulated data")

    page.get_by_role("button", name="日本語").click()
    assert page.evaluate("document.documentElement.lang") == "ja"
    expect(page.get_by_role("tab", name="レイヤ")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("tab", name="Layers")).to_be_visible()

    instants = page.get_by_role("slider", name="Time", exact=True)
    instants.focus()
    page.keyboard.press("Home")
    first = _instant(page)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("first => window.mitoshi.state.get('time') > first", arg=first)
    if page.get_by_role("button", name="Pause").is_visible():
        page.get_by_role("button", name="Pause").click()

    page.get_by_role("tab", name="Run").click()
    page.get_by_label("Method", exact=True).select_option(METHOD)
    _draw_rectangle(page, seen)
    west = page.get_by_label("West")
    expect(west).not_to_have_value("")
    assert float(west.input_value()) < float(page.get_by_label("East").input_value())
    expect(page.get_by_label("Time of the event (UTC)")).not_to_have_value("")
    page.get_by_role("button", name="Run", exact=True).click()

    job = page.locator(".job").first
    expect(page.get_by_role("progressbar").or_(job.locator(".chip.successful")).first).to_be_visible()
    expect(job.locator(".chip")).to_have_text("done", timeout=RUN_MS)
    job.get_by_role("button", name="Open the evidence").click()

    panel = page.locator("#panel-evidence")
    expect(panel.get_by_role("heading", name="Flood extent from radar")).to_be_visible()
    for section in ("What it says", "Inputs", "Method and code", "Parameters", "Run it again yourself", "Limits"):
        expect(panel.get_by_role("heading", name=section, exact=True)).to_be_visible()
    expect(panel.locator(".command").first).to_contain_text(f"mitoshi run {METHOD}")
    assert re.fullmatch(r"[0-9a-f]{16}…", panel.locator(".hash code").first.inner_text())
    panel.get_by_role("button", name="Verify: run it again and compare").click()
    expect(panel.locator(".verdict strong")).to_have_text("identical", timeout=RUN_MS)
    _check_states(page)
    _adopt(page)

    with page.expect_download() as download:
        panel.get_by_role("link", name="Report, Japanese (PDF)").click()
    download.value.save_as(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    seen.idle()
    seen.clean()


def _adopt(page: Page) -> None:
    """Adopt the products with a name, and take it back."""
    panel = page.locator("#panel-evidence")
    expect(panel.get_by_text("Trial product: no later run takes it by itself.")).to_be_visible()
    panel.get_by_label("Your name").fill("Hanako Sato")
    panel.get_by_label("Reason (optional)").fill("compared with photographs")
    panel.get_by_role("button", name="Adopt", exact=True).click()
    expect(panel.get_by_text(re.compile(r"^Adopted by Hanako Sato, .+: later runs"))).to_be_visible()
    expect(panel.get_by_text("compared with photographs")).to_be_visible()
    if folder := os.environ.get("MITOSHI_PICTURES"):
        panel.get_by_role("heading", name="Do later runs take it?").scroll_into_view_if_needed()
        page.screenshot(path=f"{folder}/adopted.png")
    panel.get_by_role("button", name="Make it a trial product again").click()
    expect(panel.get_by_role("button", name="Adopt", exact=True)).to_be_visible()
    if folder := os.environ.get("MITOSHI_PICTURES"):
        page.screenshot(path=f"{folder}/trial.png")


def _check_states(page: Page) -> None:
    """Look at what the panel says of every file, in both languages."""
    panel = page.locator("#panel-evidence")
    counts = {
        state: panel.locator(f'.states [data-state="{state}"]')
        for state in ("equal", "within tolerance", "not checked")
    }
    expect(counts["equal"]).to_have_text(re.compile(r"^[1-9]\d* recomputed and equal$"))
    expect(counts["within tolerance"]).to_have_text("0 equal within the declared tolerance")
    expect(counts["not checked"]).to_have_text("2 not checked")
    expect(panel.locator('.states [data-state="different"]')).to_have_count(0)
    names = ["environment.json", "inputs/locations.json", "run.json, time"]
    expect(panel.locator(".unchecked .wrap")).to_contain_text(names)
    panel.get_by_text(re.compile(r"^State of every file")).click()
    files = panel.locator(".each li")
    equal = int(counts["equal"].locator("strong").inner_text())
    expect(files).to_have_count(equal + 2)
    expect(files.filter(has_text="flood.tif")).to_contain_text("recomputed and equal")
    page.get_by_role("button", name="日本語").click()
    expect(counts["equal"]).to_have_text(f"{equal} 再計算して一致")
    expect(counts["not checked"]).to_have_text("2 未確認")
    expect(panel.get_by_role("heading", name="確認していない項目")).to_be_visible()
    expect(panel.locator(".unchecked .wrap")).to_contain_text(names)
    page.get_by_role("button", name="English").click()


def test_a_click_gives_the_value_and_its_uncertainty(visit: Callable[..., Visit], served: Served):
    seen = visit(served.url)
    page = seen.page
    seen.idle()
    box = page.locator("#globe canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    card = page.get_by_role("region", name="Values here")
    expect(card).to_be_visible()
    expect(card.locator("dd strong, dd .unseen").first).to_be_visible()
    lon, lat = page.evaluate("[window.mitoshi.state.get('picked').lon, window.mitoshi.state.get('picked').lat]")
    assert page.evaluate(
        "([lon, lat]) => { const [w, s, e, n] = window.mitoshi.state.get('catalogue').bbox; return w < lon && lon < e && s < lat && lat < n }",
        [lon, lat],
    )
    card.press("Escape")
    expect(card).to_be_hidden()
    seen.clean()


def test_keys_alone_move_tabs_time_and_divider(visit: Callable[..., Visit], served: Served):
    seen = visit(served.url)
    page = seen.page
    seen.idle()
    page.get_by_role("tab", name="Layers").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("tab", name="Run")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Run")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.get_by_role("tabpanel", name="Layers")).to_be_visible()

    page.get_by_role("slider", name="Time", exact=True).focus()
    page.keyboard.press("Home")
    earliest = _instant(page)
    page.keyboard.press("ArrowRight")
    assert _instant(page) > earliest

    page.get_by_role("button", name="Compare before and after").press("Enter")
    divider = page.get_by_role("slider", name="Divider between left and right")
    divider.focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("window.mitoshi.state.get('swipe').position") == pytest.approx(0.49)
    seen.idle()
    seen.clean()


@pytest.mark.parametrize("locale", ["en-GB", "ja-JP"])
def test_axe_finds_no_serious_fault(visit: Callable[..., Visit], served: Served, axe, locale):
    seen = visit(served.url, locale=locale)
    page = seen.page
    seen.idle()
    assert page.evaluate("document.documentElement.lang") == locale[:2]
    found = {}
    for panel in PANELS:
        page.locator(f"#tab-{panel}").click()
        if panel == "run":
            page.locator("#panel-run select").first.select_option(METHOD)
            page.locator("#panel-run button.primary").wait_for()
        if panel == "evidence":
            page.locator(".entry").first.click()
            page.locator(".evidence .command").first.wait_for()
        found[panel] = axe(page)
    assert found == {panel: [] for panel in PANELS}


def test_on_a_phone_all_fits_and_can_be_touched(visit: Callable[..., Visit], served: Served, axe):
    seen = visit(served.url, 390, 844, locale="ja-JP", has_touch=True, is_mobile=True)
    page = seen.page
    seen.idle()
    small = {}
    for panel in PANELS:
        page.locator(f"#tab-{panel}").click()
        page.locator(f"#panel-{panel}").wait_for()
        if panel == "run":
            page.locator("#panel-run select").first.select_option(METHOD)
            page.locator("#panel-run button.primary").wait_for()
        small[panel] = page.evaluate(
            """least => [...document.querySelectorAll("button, select, input:not([type=checkbox]), summary")]
            .filter((e) => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().height > 0)
            .filter((e) => e.getBoundingClientRect().height < least - 0.5)
            .map((e) => e.outerHTML.slice(0, 120))""",
            TARGET_PX,
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert small == {panel: [] for panel in PANELS}
    assert axe(page) == []
    seen.clean()


def test_an_empty_service_says_what_to_do(visit: Callable[..., Visit], tmp_path):
    from service_fixtures import serving, stopped

    (tmp_path / "archive").mkdir()
    running = serving(tmp_path / "catalogue", workers=0)
    try:
        page = visit(running.url).page
        card = page.locator(".empty")
        expect(card).to_be_visible()
        expect(card).to_contain_text("mitoshi ingest")
        expect(card).to_contain_text("mitoshi demo")
    finally:
        stopped(running)
