"""Disaster response: what is under water, what is damaged, who is affected."""
