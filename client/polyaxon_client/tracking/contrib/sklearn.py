"""scikit-learn, which has no callbacks: what is known of an estimator or a search once it was fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import framework, report, report_params, run_of

if TYPE_CHECKING:
    from polyaxon_client.tracking.experiment import Experiment


def log_estimator(
    estimator: Any, X: Any, y: Any, experiment: Experiment | None = None, prefix: str = "", step: int | None = None
) -> dict[str, float]:
    """Log the parameters of a fitted estimator and how well it predicts ``y`` from ``X``; the scores.

    Classifiers: accuracy, and macro averages of precision, recall and F1. Regressors: R2, MAE, MSE. Others: the score
    that they give themselves.
    """
    run = run_of(experiment)
    report_params(run, estimator.get_params(deep=False))
    scores = {f"{prefix}{name}": value for name, value in _scores(estimator, X, y).items()}
    report(run, scores, step)
    return scores


def log_search(search: Any, experiment: Experiment | None = None, name: str = "cv_results") -> None:
    """Log the best parameters and score of a fitted search, and the results of all candidates as a table."""
    run = run_of(experiment)
    if run is None:
        return
    report_params(run, search.best_params_)
    report(run, {"best_score": search.best_score_})
    columns = {key: list(values) for key, values in search.cv_results_.items() if key != "params"}
    run.log_table([dict(zip(columns, row)) for row in zip(*columns.values())], name=name)


def log_estimator_file(estimator: Any, path: str, experiment: Experiment | None = None) -> None:
    """Save an estimator with joblib, and keep the file as a model."""
    framework("joblib").dump(estimator, path)
    run = run_of(experiment)
    if run is not None:
        run.log_model(path, framework="scikit-learn")


def _scores(estimator: Any, X: Any, y: Any) -> dict[str, float]:
    base, metrics = framework("sklearn.base"), framework("sklearn.metrics")
    if base.is_classifier(estimator):
        found = estimator.predict(X)
        macro = {"average": "macro", "zero_division": 0}
        return {
            "accuracy": float(metrics.accuracy_score(y, found)),
            "precision": float(metrics.precision_score(y, found, **macro)),
            "recall": float(metrics.recall_score(y, found, **macro)),
            "f1": float(metrics.f1_score(y, found, **macro)),
        }
    if base.is_regressor(estimator):
        found = estimator.predict(X)
        return {
            "r2": float(metrics.r2_score(y, found)),
            "mae": float(metrics.mean_absolute_error(y, found)),
            "mse": float(metrics.mean_squared_error(y, found)),
        }
    return {"score": float(estimator.score(X, y))}
