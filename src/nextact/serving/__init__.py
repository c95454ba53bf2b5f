"""The model packaged for MLflow, and the service."""
