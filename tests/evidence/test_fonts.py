import importlib.util
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from mitoshi.core.text import Text
from mitoshi.evidence import cards, fonts, painting, quicklook, report

WEIGHTS = ("Regular", "Bold")


def jis_x_0208():
    for row in range(1, 95):
        for cell in range(1, 95):
            try:
                yield bytes((0xA0 + row, 0xA0 + cell)).decode("euc_jp")
            except UnicodeDecodeError:
                continue


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_font_holds_levels_1_and_2_and_the_signs_of_the_field(weight):
    with TTFont(fonts.path(weight)) as font:
        shown = set(font.getBestCmap())
    wanted = {
        *jis_x_0208(),
        *(chr(c) for c in range(0x20, 0x7F)),
        *(chr(c) for c in range(0xA0, 0x100) if c != 0xAD),
        *"⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻₀₁₂₃₄₅₆₇₈₉γσβµΩ±×÷≤≥≈≒−°′″–—…・～→←↑↓⚠●■▲①\u2009\u202f﨑髙塚ＡＢ１２ｱｲｳ",
    }
    assert len(wanted) > 6879
    assert sorted(c for c in wanted if ord(c) not in shown) == []


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_font_can_be_embedded_and_is_small(weight):
    with TTFont(fonts.path(weight)) as font:
        assert "glyf" in font
        assert "CFF " not in font
        assert font["OS/2"].fsType == 0  # installable embedding
        assert {n.toUnicode() for n in font["name"].names if n.nameID == 1} == {"Mitoshi Sans JP"}
        assert any("SIL Open Font License" in n.toUnicode() for n in font["name"].names if n.nameID == 13)
    assert fonts.path(weight).stat().st_size < 3_000_000


def test_the_licence_travels_with_the_fonts():
    licence = (fonts.path("Bold").parent / "OFL.txt").read_text()
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "Adobe" in licence


def test_the_build_script_asks_for_every_character_of_the_fonts():
    script = Path(__file__).parents[2] / "docs" / "build_fonts.py"
    spec = importlib.util.spec_from_file_location("build_fonts", script)
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    assert fonts.characters() <= build.characters() | {ord(c) for c in {*build.RAISED, *build.LOWERED}}


def test_what_cannot_be_shown_is_seen_to_be_missing():
    assert fonts.printable("航跡 🛰 ok") == "航跡 〓 ok"
    assert fonts.printable("e\u0301té") == "été"
    assert fonts.printable("Łódź\u202eevil\x00\x1b[31m\nnext") == "〓ódzevil[31m next"


@pytest.mark.parametrize("module", [cards, painting, quicklook, report])
def test_every_fixed_sentence_can_be_shown_in_both_languages(module):
    sentences = [v for v in vars(module).values() if isinstance(v, Text)]
    assert sentences
    for sentence in sentences:
        for language in ("en", "ja"):
            assert fonts.printable(sentence.in_(language)) == sentence.in_(language)
