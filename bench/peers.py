"""The packages measured beside ours, each as fast as its own interface lets it be."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from students import MODEL_CONSTANT, Pool, Students

Floats = npt.NDArray[np.float64]
Task = Callable[[], Floats]
_BOUNDS = (-8.0, 8.0)


def mirt_mixed(pool: Pool, rows: npt.NDArray[np.int32], scores: npt.NDArray[np.int64]) -> Task:
    """`mirt`: 2PL and GPCM in a mixed model, maximum likelihood; -1 is a missing response.

    A model with given parameters can't be marked as fitted by any public means.
    """
    import mirt

    a = MODEL_CONSTANT * pool.discrimination[rows]
    steps = pool.steps[rows]
    count = np.sum(~np.isnan(steps), axis=1)
    single, several = np.flatnonzero(count == 1), np.flatnonzero(count > 1)
    two = mirt.TwoParameterLogistic(len(single))
    two.set_parameters(discrimination=a[single], difficulty=steps[single, 0])
    gpcm = mirt.GeneralizedPartialCredit(
        len(several), n_categories=[int(k) + 1 for k in count[several]]
    )
    width = gpcm.parameters["steps"].shape[1]
    gpcm.set_parameters(discrimination=a[several], steps=np.nan_to_num(steps[several, :width]))
    model = mirt.MixedItemModel([(two, single), (gpcm, several)])
    for component in model.component_models:
        component._is_fitted = True
    return lambda: mirt.fscores(model, scores, method="ML", bounds=_BOUNDS).theta.ravel()


def mirt_2pl(pool: Pool, rows: npt.NDArray[np.int32], scores: npt.NDArray[np.int64]) -> Task:
    """`mirt`: 2PL, its compiled path."""
    import mirt

    model = mirt.TwoParameterLogistic(len(rows))
    model.set_parameters(
        discrimination=MODEL_CONSTANT * pool.discrimination[rows], difficulty=pool.steps[rows, 0]
    )
    model._is_fitted = True
    return lambda: mirt.fscores(model, scores, method="ML", bounds=_BOUNDS).theta.ravel()


def girth_2pl(pool: Pool, rows: npt.NDArray[np.int32], scores: npt.NDArray[np.int64]) -> Task:
    """`girth`: 2PL only."""
    import girth

    a, b = MODEL_CONSTANT * pool.discrimination[rows], pool.steps[rows, 0]
    return lambda: girth.ability_mle(scores.T, b, a)


def catsim_2pl(pool: Pool, students: Students) -> Task:
    """`catsim`: 2PL only, one student at a time, each with the items of their own."""
    from catsim.estimation import NumericalSearchEstimator
    from catsim.item_bank import ItemBank

    a = MODEL_CONSTANT * pool.discrimination
    bank = ItemBank(np.column_stack([a, pool.steps[:, 0], np.zeros(len(a)), np.ones(len(a))]))
    estimator = NumericalSearchEstimator()
    tests = [
        (entry.tolist(), [bool(x) for x in score])
        for entry, score in zip(students.entry, students.score, strict=True)
    ]

    def run() -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.array(
                [
                    estimator.estimate(
                        item_bank=bank, administered_items=e, response_vector=x, est_theta=0.0
                    )
                    for e, x in tests
                ]
            )

    return run
