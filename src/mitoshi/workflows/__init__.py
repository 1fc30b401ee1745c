"""Workflows: which runs, in which order, each published the moment it is ready."""
