"""What must be done by when: steps of listings, publications, recalls; with the overdue ones first in line."""
