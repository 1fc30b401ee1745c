"""Field decisions, pure: one file per decision product."""
