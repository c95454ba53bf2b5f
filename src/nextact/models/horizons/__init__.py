"""Will they, within so many days: heads on frozen states, and the features they share with a reference."""
