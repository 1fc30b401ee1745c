"""Make the fonts of `mitoshi.evidence.fonts` from Noto Sans CJK JP. See src/mitoshi/evidence/fonts/README.md.

The source fonts are OpenType with cubic (CFF) outlines; PDF embedding through reportlab needs quadratic (glyf) ones. So:
subset to the characters below, convert the outlines within half a thousandth of the em, name the result anew, and write it
without a clock, so that the same sources give the same bytes.
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable

FAMILY = "Mitoshi Sans JP"
CURVE_ERROR = 0.75  # units of a 1000-unit em
RANGES = (
    (0x20, 0x17F),  # ASCII, Latin-1, Latin Extended-A
    (0x2C6, 0x2DD),  # spacing accents
    (0x370, 0x3FF),  # Greek
    (0x2000, 0x206F),  # dashes, thin spaces, quotation marks, primes
    (0x2070, 0x209F),  # superscripts and subscripts
    (0x20A0, 0x20BF),  # currency
    (0x2100, 0x22FF),  # letterlike, number forms, arrows, mathematical operators
    (0x2460, 0x24FF),  # enclosed numbers
    (0x2500, 0x26FF),  # boxes, geometric shapes, signs
    (0x2713, 0x2717),  # ticks and crosses
    (0x3000, 0x30FF),  # CJK punctuation, kana
    (0x3200, 0x33FF),  # enclosed and squared CJK
    (0xFF01, 0xFFE6),  # full-width and half-width forms
)
SPACES = {0x00A0: 1.0, 0x2009: 0.7, 0x202F: 0.7, 0x200A: 0.4, 0x2002: 2.2, 0x2003: 4.4}  # widths in word spaces

RAISED = dict(zip("⁰⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ", "056789+−=()n", strict=True))  # the source has ¹ ² ³ ⁴ only
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", "0123456789+−=()", strict=True))
SMALL, RAISED_BY, LOWERED_BY = 0.603, 441, -130  # the size and height of the source's own ²


def characters() -> set[int]:
    """Return JIS X 0208 level 1 and 2, the NEC and IBM extensions (place and family names), and the ranges above."""
    found = {code for first, last in RANGES for code in range(first, last + 1)}
    for lead in range(0x81, 0x100):
        for trail in range(0x40, 0x100):
            text = bytes((lead, trail)).decode("cp932", "ignore")
            found.update(ord(c) for c in text if unicodedata.category(c) != "Co")
    return found


def subsetted(source: Path) -> TTFont:
    """Return the source font with the wanted characters and no layout tables."""
    options = subset.Options(
        layout_features=[],
        drop_tables=["GSUB", "GPOS", "GDEF", "BASE", "DSIG", "VORG", "vhea", "vmtx"],
        notdef_outline=True,
        hinting=False,
        desubroutinize=True,
        name_IDs=[0, 9, 10, 13, 14],
        name_languages=[0x409],
    )
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters())
    subsetter.subset(font)
    return font


def quadratic(font: TTFont) -> None:
    """Replace the cubic CFF outlines by quadratic glyf ones, in place."""
    order, glyph_set, glyphs = font.getGlyphOrder(), font.getGlyphSet(), {}
    for name in order:
        pen = TTGlyphPen(glyph_set)
        glyph_set[name].draw(Cu2QuPen(pen, CURVE_ERROR, reverse_direction=True))
        glyphs[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, glyphs
    font["glyf"].compile(font)
    for name in order:
        glyph = glyphs[name]
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (font["hmtx"][name][0], getattr(glyph, "xMin", 0))
    maxp = font["maxp"] = newTable("maxp")
    maxp.tableVersion, maxp.numGlyphs = 0x00010000, len(order)
    maxp.maxZones = 1
    for field in (
        "TwilightPoints",
        "Storage",
        "FunctionDefs",
        "InstructionDefs",
        "StackElements",
        "SizeOfInstructions",
    ):
        setattr(maxp, f"max{field}", 0)
    maxp.maxComponentElements = 0
    font["post"].formatType, font["post"].extraNames, font["post"].mapping = 3.0, [], {}
    font["head"].glyphDataFormat = 0
    del font["CFF "]
    font.sfntVersion = "\x00\x01\x00\x00"


def spaces(font: TTFont) -> None:
    """Give the no-break and thin spaces a blank glyph of their own width where the source has none."""
    from fontTools.ttLib.tables._g_l_y_f import Glyph

    word = font["hmtx"][font.getBestCmap()[0x20]][0]
    for code, share in SPACES.items():
        if code in font.getBestCmap():
            continue
        name = f"uni{code:04X}"
        font["glyf"][name] = Glyph()
        font["hmtx"][name] = (round(word * share), 0)
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[code] = name
    font["maxp"].numGlyphs = len(font.getGlyphOrder())


def drawn(font: TTFont, code: int, parts: list[tuple[str, float, float, float]], advance: int) -> None:
    """Add a character made of others: (character, scale, right, up) each. What the source has is left alone."""
    cmap, glyph_set = font.getBestCmap(), font.getGlyphSet()
    if code in cmap:
        return
    pen = TTGlyphPen(glyph_set)
    for part, scale, right, up in parts:
        glyph_set[cmap[ord(part)]].draw(TransformPen(pen, (scale, 0, 0, scale, right, up)))
    name = f"uni{code:04X}"
    font["glyf"][name] = glyph = pen.glyph()
    glyph.recalcBounds(font["glyf"])
    font["hmtx"][name] = (advance, glyph.xMin)
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[code] = name
    font["maxp"].numGlyphs = len(font.getGlyphOrder())


def missing_signs(font: TTFont) -> None:
    """Draw the superscripts, subscripts and ≒ that the source lacks out of its own digits and signs."""
    width, cmap = font["hmtx"], font.getBestCmap()
    for signs, up in ((RAISED, RAISED_BY), (LOWERED, LOWERED_BY)):
        for sign, digit in signs.items():
            advance = round(width[cmap[ord(digit)]][0] * SMALL) + 40
            drawn(font, ord(sign), [(digit, SMALL, 20, up)], advance)
    equal, dot = cmap[ord("=")], cmap[ord(".")]
    shift, right = (1000 - width[equal][0]) // 2, width[equal][0] - width[dot][0]
    parts = [("=", 1.0, shift, 0), (".", 1.0, shift, 560), (".", 1.0, shift + right, 60)]
    drawn(font, 0x2252, parts, 1000)


def renamed(font: TTFont, style: str) -> None:
    """Name the derived font, so that nobody takes it for the original."""
    postscript = f"{FAMILY.replace(' ', '')}-{style}"
    for number, text in ((1, FAMILY), (2, style), (3, f"2.004;mitoshi;{postscript}"), (4, f"{FAMILY} {style}"),
                         (5, "Version 2.004; subset and converted from Noto Sans CJK JP"), (6, postscript)):  # fmt: skip
        font["name"].setName(text, number, 3, 1, 0x409)


def build(source: Path, style: str, folder: Path) -> Path:
    """Write one style of the font and return its path."""
    font = subsetted(source)
    quadratic(font)
    spaces(font)
    missing_signs(font)
    renamed(font, style)
    path = folder / f"{FAMILY.replace(' ', '')}-{style}.ttf"
    font.save(path)
    return path


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python docs/build_fonts.py NotoSansCJKjp-Regular.otf NotoSansCJKjp-Bold.otf FOLDER")
    for source, style in zip(sys.argv[1:3], ("Regular", "Bold"), strict=True):
        written = build(Path(source), style, Path(sys.argv[3]))
        print(f"{written}: {written.stat().st_size} bytes")
