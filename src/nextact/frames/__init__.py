"""From two data frames to recommendations, without a project around them: the pipelines' own nodes, in memory."""
