"""What a run tells MLflow."""
