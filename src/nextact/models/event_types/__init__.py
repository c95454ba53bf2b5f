"""Which event type comes next: heads on recency, frequency and recent shares, fitted beside a sequence network."""
