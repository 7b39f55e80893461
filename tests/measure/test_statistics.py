"""The statistics against scipy and numpy, and the coverage of the intervals on samples whose truth
is known. EPSIM_STATISTICS_SEED draws other samples."""
import json
import os
import subprocess
import unittest
from pathlib import Path

import numpy as np
from scipy import stats

TOOL = Path(os.environ["EPSIM_TEST_BINARY_DIR"]) / "statistics_tool"
SEED = int(os.environ.get("EPSIM_STATISTICS_SEED", "1"))


def ask(what, **request):
    def plain(value):
        return value.tolist() if isinstance(value, np.ndarray) else value
    text = json.dumps({"what": what} | {k: plain(v) for k, v in request.items()})
    answer = json.loads(subprocess.run([TOOL], input=text, capture_output=True, text=True,
                                       check=True).stdout)
    return np.array([[np.nan if v is None else v for v in row] if isinstance(row, list)
                     else np.nan if row is None else row for row in answer], dtype=float)


def ar1(random, rho, shape):
    """Standard normal, autocorrelation rho^k along the last axis."""
    x = random.standard_normal(shape)
    for i in range(1, shape[-1]):
        x[..., i] = rho * x[..., i - 1] + np.sqrt(1 - rho * rho) * x[..., i]
    return x


def geyer(x):
    """Geyer's initial monotone sequence from all autocorrelations at once."""
    n = len(x)
    if n < 3 or np.ptp(x) == 0:
        return 1.0
    y = x - x.mean()
    rho = np.correlate(y, y, "full")[n - 1:]
    rho = rho / rho[0]
    if rho[1] <= 1.645 / np.sqrt(n) - 1 / n:
        return 1.0
    pairs = rho[0:n - n % 2:2] + rho[1::2]
    positive = np.append(pairs > 0, False)
    pairs = np.minimum.accumulate(pairs[:np.argmin(positive)])
    return min(max(2 * pairs.sum() - 1, 1.0), n)


class Autocorrelation(unittest.TestCase):
    def test_equals_a_direct_computation(self):
        random = np.random.default_rng(SEED)
        series = [ar1(random, rho, (n,)) + 7 for rho in (-0.5, 0, 0.5, 0.95)
                  for n in (1, 2, 3, 4, 5, 17, 100, 1001)]
        series += [np.arange(40.0), np.ones(9), np.array([])]
        found = ask("autocorrelation_time", series=[x.tolist() for x in series])
        np.testing.assert_allclose(found, [geyer(x) for x in series], rtol=1e-9)

    def test_of_ar1_is_the_known_one(self):
        random = np.random.default_rng(SEED)
        for rho in (0.3, 0.5, 0.8):
            tau = ask("autocorrelation_time", series=ar1(random, rho, (40, 4000)))
            self.assertAlmostEqual(np.mean(1 / tau) / ((1 - rho) / (1 + rho)), 1, delta=0.1)

    def test_of_independent_samples_is_mostly_one(self):
        random = np.random.default_rng(SEED)
        for n in (8, 30, 300):
            tau = ask("autocorrelation_time", series=random.lognormal(0, 0.3, (500, n)))
            self.assertLess(np.mean(tau > 1), 0.1)
            self.assertTrue(np.all((tau >= 1) & (tau <= n)))


class Against(unittest.TestCase):
    def test_numpy_quantiles_and_variance(self):
        random = np.random.default_rng(SEED)
        for n in (1, 2, 7, 100):
            x, p = random.lognormal(0, 2, n), random.random(30)
            np.testing.assert_allclose(ask("quantile", samples=x, p=p), np.quantile(x, p), rtol=1e-12)
            expected = np.var(x, ddof=1) if n > 1 else np.nan
            np.testing.assert_allclose(ask("variance", series=[x.tolist()]), [expected])

    def test_scipys_t_distribution(self):
        random = np.random.default_rng(SEED)
        df = np.exp(random.uniform(-1, 12, 300))
        p, t = random.random(300), random.standard_cauchy(300)
        np.testing.assert_allclose(ask("t_quantile", points=np.stack([p, df], 1)),
                                   stats.t.ppf(p, df), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(ask("t_cdf", points=np.stack([t, df], 1)), stats.t.cdf(t, df),
                                   rtol=1e-9)

    def test_scipys_t_interval_of_logarithms(self):
        random = np.random.default_rng(SEED)
        for n in (2, 5, 30):
            sets = random.lognormal(-5, 1, (20, n))
            for level in (0.9, 0.95):
                logs = np.log(sets)
                low, high = stats.t.interval(level, n - 1, logs.mean(1), stats.sem(logs, axis=1))
                np.testing.assert_allclose(ask("launches", sets=sets, level=level),
                                           np.exp([low, high]).T, rtol=1e-7)

    def test_a_weighted_bootstrap_of_numpys(self):
        """Other random numbers, another order of summation: equal but for the resampling noise."""
        random = np.random.default_rng(SEED)
        for passes, steps in ((6, 1), (9, 3), (40, 2)):
            times = random.lognormal(0, 0.2, (passes, steps)) * (1 + np.arange(steps))
            weight = random.exponential(size=(4000, passes))
            medians = np.zeros(4000)
            for x in times.T:
                order = np.argsort(x)
                w = weight[:, order]
                at = np.cumsum(w, axis=1) - w / 2
                medians += [np.interp(half, a, x[order])
                            for half, a in zip(w.sum(1) / 2, at)]
            tau = geyer(times.sum(1))
            if passes / tau < 6:
                continue
            middle = np.median(times, axis=0).sum()
            error = medians.std() / middle * np.sqrt(tau)
            t = stats.t.ppf(0.975, passes / tau - 1)
            value, low, high, n_eff = ask("step_time", runs=[times.tolist()])[0]
            self.assertAlmostEqual(value, middle / steps)
            self.assertAlmostEqual(n_eff, passes / tau)
            self.assertAlmostEqual(np.log(high / value) / (t * error), 1, delta=0.1)
            self.assertAlmostEqual(low * high / value ** 2, 1)


class Components(unittest.TestCase):
    def test_of_a_run_are_those_it_was_drawn_with(self):
        random = np.random.default_rng(SEED)
        level = np.exp(0.2 * random.standard_normal(2000))
        times = level[:, None] * (1 + 0.05 * random.standard_normal((2000, 5)))
        within, between = ask("spread_of_run", runs=[times.tolist()])[0]
        self.assertAlmostEqual(within, 0.05, delta=0.002)
        self.assertAlmostEqual(between, np.sqrt(np.expm1(0.2 ** 2)), delta=0.015)

    def test_of_launches_leaves_out_the_noise_within(self):
        random = np.random.default_rng(SEED)
        for between in (0.0, 0.05):
            figures = np.exp(between * random.standard_normal(5000)
                             + 0.03 * random.standard_normal(5000))
            found = ask("spread_of_launches", sets=[[figures.tolist(), [0.03] * 5000]])
            self.assertAlmostEqual(found[0], between, delta=0.008)


class Blanks(unittest.TestCase):
    def test_where_samples_are_too_few(self):
        random = np.random.default_rng(SEED)
        runs = [random.lognormal(0, 0.1, (n, 2)).tolist() for n in (1, 2, 5)]
        answers = ask("step_time", runs=runs)
        self.assertTrue(np.isfinite(answers[:, 0]).all() and np.isnan(answers[:, 1:3]).all())
        drift = np.linspace(1, 2, 30)[:, None]  # 30 passes that tell as much as 2 or 3
        value, low, high, n_eff = ask("step_time", runs=[drift.tolist()])[0]
        self.assertTrue(np.isnan(low) and np.isnan(high))
        self.assertLess(n_eff, 6)
        self.assertTrue(np.isnan(ask("launches", sets=[[1.0], [1.0, 0.0], [1.0, -2.0]])).all())

    def test_a_constant_has_an_interval_of_no_width(self):
        value, low, high, n_eff = ask("step_time", runs=[[[0.5, 1.5]] * 8])[0]
        self.assertEqual((value, low, high, n_eff), (1, 1, 1, 8))
        np.testing.assert_allclose(ask("launches", sets=[[3.0] * 4]), [[3, 3]])


class Coverage(unittest.TestCase):
    """Share of 95 % intervals that hold the truth: 93 to 97 %, by the bar; 3 standard deviations of
    the count itself allowed for."""

    def check(self, answers, truth, name):
        low, high = answers[:, -2], answers[:, -1]
        known = np.isfinite(low)
        self.assertGreater(known.mean(), 0.9, name)
        covered = np.mean((low <= truth) & (truth <= high), where=known)
        slack = 3 * np.sqrt(0.05 * 0.95 / known.sum())
        if "EPSIM_STATISTICS_SEED" in os.environ:
            print(f"{name}: {covered:.3f}, blank {1 - known.mean():.3f}")
        self.assertTrue(0.93 - slack <= covered <= 0.97 + slack, f"{name}: {covered:.3f}")
        return covered

    def step_times(self, name, noise, scale):
        """\\param noise [trials, passes, steps] with median 1"""
        answers = ask("step_time", runs=noise * scale)
        return self.check(answers[:, :3], np.mean(scale), name)

    def test_of_independent_passes(self):
        random = np.random.default_rng(SEED)
        found = []
        for n, trials in ((6, 1500), (12, 1500), (30, 700)):
            for steps in (1, 2, 8):
                scale = 1 + np.arange(steps)
                z = random.standard_normal((trials, n, steps))
                found.append(self.step_times(f"normal, {n} passes, {steps} steps", 1 + 0.05 * z, scale))
                found.append(self.step_times(f"log-normal, {n} passes, {steps} steps", np.exp(0.3 * z),
                                             scale))
        self.assertTrue(0.93 <= np.mean(found) <= 0.97, np.mean(found))

    def test_of_passes_that_share_a_state(self):
        random = np.random.default_rng(SEED)
        z = random.standard_normal((2000, 12, 4)) + random.standard_normal((2000, 12, 1))
        self.step_times("shared state, 12 passes, 4 steps", np.exp(0.1 * z), 1 + np.arange(4))

    def test_of_correlated_passes(self):
        random = np.random.default_rng(SEED)
        for n, trials in ((100, 800), (300, 400)):
            z = ar1(random, 0.5, (trials, 2, n)).transpose(0, 2, 1)
            self.step_times(f"AR(1), {n} passes, 1 step", 1 + 0.05 * z[:, :, :1], np.ones(1))
            self.step_times(f"AR(1), {n} passes, 2 steps", np.exp(0.3 * z), np.array([1, 3]))

    def test_without_the_autocorrelation_would_be_too_low(self):
        """That the case above can fail: the same samples, shuffled in time."""
        random = np.random.default_rng(SEED)
        z = ar1(random, 0.5, (300, 100))
        shuffled = random.permuted(z, axis=1)[:, :, None]
        answers = ask("step_time", runs=1 + 0.05 * shuffled)
        self.assertLess(np.mean((answers[:, 1] <= 1) & (1 <= answers[:, 2])), 0.88)

    def test_of_launches(self):
        random = np.random.default_rng(SEED)
        for n in (5, 8, 12):
            level = 0.05 * random.standard_normal((4000, n, 1))
            repetitions = np.exp(level + 0.1 * random.standard_normal((4000, n, 15)))
            self.check(ask("launches", sets=np.median(repetitions, axis=2)), 1, f"{n} launches")


class Stopping(unittest.TestCase):
    def test_early_does_not_stop_by_luck(self):
        """Every look is a chance to stop at an interval that is too narrow."""
        random = np.random.default_rng(SEED)
        times = np.exp(0.1 * random.standard_normal((400, 200, 3)))
        text = json.dumps({"what": "stop", "runs": times.tolist(), "min_passes": 5, "max_passes": 0,
                           "target_ci": 0.03})
        answers = json.loads(subprocess.run([TOOL], input=text, capture_output=True, text=True,
                                            check=True).stdout)
        truth = 1
        covered = np.mean([low <= truth <= high for _, _, low, high in answers])
        if "EPSIM_STATISTICS_SEED" in os.environ:
            print(f"after stopping: {covered:.3f}, {np.mean([a[0] for a in answers]):.1f} passes")
        self.assertGreater(covered, 0.91)
        for passes, reason, low, high in answers:
            self.assertLessEqual((high - low) / 2, 0.0315)
            self.assertIn(f" and {passes} passes: step time +- ", reason)


if __name__ == "__main__":
    unittest.main()
