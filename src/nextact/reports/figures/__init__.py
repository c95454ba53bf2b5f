"""Each figure once, for pages and Kedro-Viz alike."""
