#!/usr/bin/env python3
"""Writes fixtures/golden/transport.json: optimal transport between clouds, by POT (https://pythonot.github.io).

Clouds are waves sin(a·i + b), so that the tests make the same ones. `sharp` is POT's Sinkhorn divergence, `value` the same
with the entropy counted, from POT's own plans, `exact` is the exact cost.
Usage: python3 Scripts/golden/transport.py > fixtures/golden/transport.json   (made with POT 0.9.7, NumPy 2.4)
"""

import numpy as np
import ot

from waves import keep, wave, write


def entropic(x, y, epsilon):
    cost = ot.dist(x, y)
    n, m = cost.shape
    plan = ot.bregman.sinkhorn_log(ot.unif(n), ot.unif(m), cost, epsilon, numItermax=100000, stopThr=1e-12)
    return plan, (plan * cost).sum() + epsilon * (plan * np.log(np.maximum(plan * n * m, 1e-300))).sum()


x, y = wave((40, 3), 0.7, 0.1), wave((7, 3), 1.9, 0.4, 1.5)
for epsilon in [1.0, 0.2, 0.05]:
    sharp = ot.bregman.empirical_sinkhorn_divergence(x, y, epsilon, numIterMax=100000, stopThr=1e-12)
    keep("sharp %g" % epsilon, sharp)
    plan, value = entropic(x, y, epsilon)
    keep("value %g" % epsilon, value - (entropic(x, x, epsilon)[1] + entropic(y, y, epsilon)[1]) / 2)
    keep("entropic %g" % epsilon, value)
    keep("plan %g" % epsilon, plan)
keep("exact", ot.emd2(ot.unif(40), ot.unif(7), ot.dist(x, y)))
many, few = wave((60, 4), 0.37, 0.2), wave((30, 4), 1.1, 0.9, 0.8)
keep("exact large", ot.emd2(ot.unif(60), ot.unif(30), ot.dist(many, few)))

write()
