"""Registries that all services share: areas, departments, industries, working days.

They ship as dated rows in `data/`, each with its source and whether it was verified, and load on first use.
"""
