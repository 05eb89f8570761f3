# SPDX-License-Identifier: MIT
"""What many cells say of each other, when most of them scatter too much to be told alone.

Two builds that differ in little differ in most cells by little.  How far apart the true ratios of
the cells can lie is seen from how much more the figures scatter than each cell's own error
explains; what one cell took by chance is then told from what it costs.  This is the random-effects
model of meta-analysis (DerSimonian and Laird, 1986), on logarithms; the spread of the true ratios
is not its best estimate but the largest that the figures bear (Q-profile, Viechtbauer, 2007), and
so the bounds are rather too wide.  A cell that stands out by itself is not made small by this: the
spread, and with it the bound of each cell, grows.
"""
import dataclasses
import math

ONE_IN_20 = 1.645  # of a normal distribution, 5 % lie as many standard deviations above its mean


@dataclasses.dataclass
class Together:
    mean: float  # of the true ratios
    spread: float  # of them, at most: in standard deviations of their logarithms
    q: float  # how much the figures scatter, in their own errors; by chance alone: cells - 1
    cells: int
    bounds: dict  # name: (best estimate of the ratio, which is below this one with 95 %)


def errors(lines):
    """Of each line that has an error: its name, the logarithm of its ratio and its error."""
    found = [(x["cell"], math.log(x["ratio"]), math.log(x["high"] / x["low"]) / 2 / ONE_IN_20)
             for x in lines]
    return [x for x in found if x[2] > 0]


def weighed(found, spread):
    """The mean with these weights, and how much the figures scatter around it."""
    weights = [1 / (s * s + spread * spread) for _, _, s in found]
    mean = sum(w * y for w, (_, y, _) in zip(weights, found)) / sum(weights)
    return mean, sum(w * (y - mean) ** 2 for w, (_, y, _) in zip(weights, found)), sum(weights)


def low_chi_square(n):
    """Below it lie 5 % of a chi-square distribution of n degrees (Wilson and Hilferty, 1931)."""
    return n * (1 - 2 / (9 * n) - ONE_IN_20 * math.sqrt(2 / (9 * n))) ** 3


def largest_spread(found):
    """With a larger one the figures would scatter as little as they do in one case of 20."""
    low, high, wanted = 0.0, 10.0, low_chi_square(len(found) - 1)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if weighed(found, middle)[1] > wanted else (low, middle)
    return high


def together(lines):
    """None if fewer than 20 cells have an error: of so few nothing can be said together."""
    found = errors(lines)
    if len(found) < 20:
        return None
    spread = largest_spread(found)
    mean, _, weight = weighed(found, spread)
    bounds = {}
    for name, y, s in found:
        own = spread * spread / (s * s + spread * spread)  # how much its own figure counts
        best = own * y + (1 - own) * mean
        error = math.sqrt(own * s * s + (1 - own) ** 2 / weight)
        bounds[name] = math.exp(best), math.exp(best + ONE_IN_20 * error)
    return Together(math.exp(mean), spread, weighed(found, 0)[1], len(found), bounds)
