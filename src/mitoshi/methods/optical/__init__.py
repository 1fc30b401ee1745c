"""Optical methods."""
