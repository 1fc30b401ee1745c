"""mitoshi (見通し): satellite observations into decisions that a stranger can check."""

__version__ = "0.1.0"
