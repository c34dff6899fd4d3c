"""Early warning (预警): dated rules open alerts, some hold the lots they touch, and a person closes them with a reason."""
