"""Amplitude methods for synthetic aperture radar."""
