"""The Kedro pipelines; nodes call the library rooms."""
