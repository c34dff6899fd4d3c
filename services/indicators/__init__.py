"""Indicators: the plan's targets as measured, explained, auditable figures.

Owns the catalogue of targets, the observations (values and batch results, on two time axes) and the lights.
Publishes `target.changed` and `light.changed`. Handles `enterprise.updated`, `violation.published`,
`violation.publication_ended`, `listing.published`, `listing.removed`, `recall.opened`, `recall.updated`,
`recall.closed`, `test.recorded` and `test.corrected`: counts by area, and the pass rates of food and farm products,
a sample counted once.
"""
