"""Terrain analysis: drainage, height above it, slope."""
