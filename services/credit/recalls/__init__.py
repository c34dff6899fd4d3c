"""What the credit file knows of recalls (召回): duties that the producer has until the recall is closed."""
