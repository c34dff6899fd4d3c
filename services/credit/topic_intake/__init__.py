"""Enforcement units that push on Kafka: same bodies, tokens and rules as REST, receipts on a topic of their own.

Every message is answered and kept with its answer; none blocks the topic.
"""
