"""What the calendar does by itself: publication on its last day, its end, the end of listings."""
