"""Kedro project settings: https://docs.kedro.org/en/stable/configure/configuration_basics."""

from nextact.checks.environment import EnvironmentLoader
from nextact.checks.recording import RecordingHooks
from nextact.console.step_hooks import StepHooks
from nextact.datasets.folders import data_folder
from nextact.hooks import NextactHooks
from nextact.tracking.hooks import TrackingHooks

HOOKS = (NextactHooks(), RecordingHooks(), TrackingHooks(), StepHooks())

CONFIG_LOADER_CLASS = EnvironmentLoader
CONFIG_LOADER_ARGS = {
    "custom_resolvers": {"data_folder": data_folder},  # ${data_folder:name} in the ready-made environments
    "base_env": "base",
    "default_run_env": "sample",
    # an environment changes single keys, it does not have to repeat whole blocks
    "merge_strategy": {"globals": "soft", "parameters": "soft", "mlflow": "soft"},
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"]},
}
