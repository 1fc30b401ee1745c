"""Water over ground: shallow-water flow, water surfaces and sea-surface displacement."""
