"""Prometheus metrics, named once. Each service process has its own registry and serves it at `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("pinzhi_http_requests", "Requests", ["service", "method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "pinzhi_http_request_seconds",
    "Time to answer",
    ["service", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
RATE_LIMITED = Counter("pinzhi_rate_limited", "Requests refused with 429", ["limit"])
HOT_READS = Counter("pinzhi_hot_reads", "Hot reads by outcome", ["route", "outcome"])
OUTBOX_PENDING = Gauge("pinzhi_outbox_pending", "Outbox rows not yet published", ["service"])
OUTBOX_OLDEST = Gauge("pinzhi_outbox_oldest_seconds", "Age of the oldest unpublished outbox row", ["service"])
RETENTION_BEHIND = Gauge(
    "pinzhi_retention_behind_seconds",
    "How long the oldest row that is not kept any more is overdue",
    ["service", "table"],
)
RETENTION_DELETED = Counter("pinzhi_retention_deleted_rows", "Rows that were kept long enough", ["service", "table"])
RELAYED = Counter("pinzhi_relayed_events", "Outbox rows put on the bus")
CONSUMED = Counter("pinzhi_consumed_events", "Events applied", ["consumer", "type"])
CONSUMER_LAG_RECORDS = Gauge("pinzhi_consumer_lag_records", "Records not yet applied", ["consumer", "topic"])
CONSUMER_LAG_SECONDS = Gauge("pinzhi_consumer_lag_seconds", "Now minus event time of the last applied", ["consumer"])
CONSUMER_GAPS = Counter("pinzhi_consumer_gap", "Events that came ahead of a missing one", ["consumer"])
END_TO_END = Histogram(
    "pinzhi_end_to_end_seconds",
    "From the transaction of an event in its service to the commit of its effect here",
    ["consumer"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
HANDLER_SECONDS = Histogram("pinzhi_handler_seconds", "Time to apply a batch", ["consumer"])
DEAD_LETTERS_OPEN = Gauge("pinzhi_dead_letters_open", "Events that wait for an operator", ["consumer"])
JOBS_SET_ASIDE = Counter("pinzhi_jobs_set_aside", "Jobs whose work ended the process twice", ["service"])
JOBS_FAILED = Counter(
    "pinzhi_jobs_failed", "Pieces of work that failed by their own fault and hold up no other", ["service", "worker"]
)
LOOP_LAG = Gauge("pinzhi_event_loop_lag_seconds", "How late the event loop is", ["service"])
TASK_RESTARTS = Counter("pinzhi_task_restarts", "Background tasks started again after an error", ["service", "task"])
LOG_LINES_DROPPED = Counter("pinzhi_log_lines_dropped", "Log lines that could not be written", ["service"])
