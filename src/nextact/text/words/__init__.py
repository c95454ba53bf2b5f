"""Word vectors and word counts: Word2Vec, GloVe, tf-idf, Item2Vec, and users in key terms."""
