"""Credit (质量信用): each enterprise's quality-credit file and the red and black list, kept and published lawfully.

Owns      enterprises (subjects keyed by USCC), violations, listings (质量诚信红黑榜), the rulebook, the
          catalogue of measures, case leads, and what it knows of recalls.
Publishes enterprise.updated, violation.recorded/corrected/withdrawn/published/publication_ended,
          listing.proposed/published/removed.
Handles   traceability's test.recorded, test.corrected (a failure opens a case lead) and recall.opened, recall.updated,
          recall.closed (duties on the enterprise's file); the gateway's client.updated (who pushes on a unit's topic).

`subscriptions.py` is the whole list of what is handled; `app.py` the whole list of routers and background work.
"""
