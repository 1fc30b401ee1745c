"""Stands for what nobody thought of: installed beside the methods, it lets one reader of products die of some content."""

from __future__ import annotations

import os
import time

from mitoshi.evidence import file_checks

_check_document, _check_json = file_checks.check_document, file_checks.check_json


def check_document(name, sealed, now):
    if b"die of this" in sealed.read_bytes():
        os.abort()
    return _check_document(name, sealed, now)


def check_json(name, sealed, now):
    if b"wait for ever" in sealed.read_bytes():
        time.sleep(600)
    return _check_json(name, sealed, now)


file_checks.check_document, file_checks.check_json = check_document, check_json
