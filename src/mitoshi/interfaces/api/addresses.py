"""The names in an address that stand for an item of the catalogue and its files."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path as InPath

__all__ = ["AssetKey", "CollectionId", "ItemId"]

CollectionId = Annotated[str, InPath(description="Collection of the catalogue.", min_length=1, max_length=256)]
ItemId = Annotated[str, InPath(description="Item of the collection.", min_length=1, max_length=512)]
AssetKey = Annotated[str, InPath(description="Asset of the item.", min_length=1, max_length=256)]
