"""Traceability (食品追溯): from raw material to the shop and to recall, in the language of GS1 EPCIS 2.0.

Owns      parties, places, products and lots (`masterdata`), captured events (`epcis`), the lot graph (`genealogy`),
          verdicts, the scan log, test reports, alerts and holds, recalls, codes.
Publishes party.updated, product.updated, lot.updated, test.recorded, test.corrected, alert.opened, alert.closed,
          recall.opened, recall.updated, recall.closed.
Handles   credit's enterprise, listing and violation events (marks on parties), the gateway's scans.

`subscriptions.py` is the whole list of what is handled; `app.py` the whole list of routers and background work.
"""
