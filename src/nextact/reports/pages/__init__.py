"""Pages and cards: typed results, tables and words, put into templates."""
