"""Rules over ranked lists: what may be shown, what moves, what is explored, and what fills a list that falls short."""
