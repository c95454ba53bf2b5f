"""Kedro project settings: https://docs.kedro.org/en/stable/configure/configuration_basics."""

from kedro.config import OmegaConfigLoader

from nextact.hooks import NextactHooks

HOOKS = (NextactHooks(),)

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # an environment changes single keys, it does not have to repeat whole blocks
    "merge_strategy": {"globals": "soft", "parameters": "soft"},
}
