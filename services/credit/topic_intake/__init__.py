"""Enforcement units that push on Kafka: same bodies and rules as REST, receipts on a topic of their own.

Each unit has a pair of topics; who writes there is that unit, so no token travels. Rights are those of the instant at
which the broker took the message. Every message is answered and kept with its answer; none blocks the topic.
"""
