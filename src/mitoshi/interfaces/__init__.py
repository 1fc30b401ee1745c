"""Interfaces translate and do nothing else."""
