"""Event tables: contract, cleaning, filtering, splitting, quality; Ibis expressions."""
