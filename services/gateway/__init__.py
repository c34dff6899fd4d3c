"""The gateway: the one door for clients. It issues tokens, aggregates, passes on and shows; it owns no business rule.

Owns      clients and users of the embedded issuer; its projections (enterprise, list, recall, lot, product, target and
          light views) and the public feed
Publishes `scans.recorded`, `client.updated`
Handles   credit: enterprise, violations, listings; traceability: parties, products, lots, recalls; indicators: targets,
          lights (`subscriptions.py`)
Proxies   `/v1/indicators/* /v1/credit/* /v1/traceability/* /epcis/*` to their owners
"""
