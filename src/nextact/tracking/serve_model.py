"""The packaged model as an MLflow model from code: MLflow runs this file, nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from nextact.errors import NextactError
from nextact.serving.packaged import PackagedModel


class ServedModel(PythonModel):  # type: ignore[misc]  # MLflow's class carries no types
    """Answers with one dictionary a user; see :meth:`nextact.serving.packaged.Answer.records`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the package that was logged beside this file; MLflow calls the argument by its name."""
        self.packaged = PackagedModel.open(Path(context.artifacts["package"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Recommendations for the users of a history.

        ``params`` may hold ``k``, 0 for the package's own number, and ``rules``, a JSON object as text.

        Raises:
            MlflowException: Where the history is at fault; a server answers 400 with the message.
        """
        k, rules = int((params or {}).get("k") or 0), str((params or {}).get("rules") or "")
        try:
            return self.packaged.recommend(model_input, k or None, _read(rules)).records()
        except NextactError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


def _read(rules: str) -> dict[str, Any] | None:
    try:
        found = json.loads(rules) if rules else None
    except (ValueError, RecursionError) as error:
        raise NextactError(f"rules: no JSON object: {error}") from None
    if found is not None and not isinstance(found, dict):
        raise NextactError(f"rules: a JSON object is needed, got {rules[:80]}")
    return found


mlflow.models.set_model(ServedModel())
