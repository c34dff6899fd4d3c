"""Early warning (预警): dated rules open alerts, some hold lots, and a person closes them with a reason."""
