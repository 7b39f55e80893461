#!/usr/bin/env python3
"""The expert layer of epsim in PyTorch, for comparison: the same shape, tokens x top_k uniform
choices of distinct experts, bf16, one GPU. Ways: `loop`, an expert at a time as Hugging Face's
models do it; `grouped`, rows in order of experts and torch._grouped_mm, where this PyTorch has it.
Both have to agree. Writes JSON: seconds, median over calls, of each case and way.

    torch_layer.py -o torch.json mixtral-8x7b/1:4096 deepseek-v3/8:128
        preset of configs/models / ranks that share its experts : tokens
    torch_layer.py -o torch.json --runs DIR ...
        beside `epsim report --json` of DIR/preset-ranks-tokens
"""

import argparse
import fractions
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


CASE = re.compile(r"([\w.-]+)/(\d+):(\d+)")


def preset(name, ranks, scale):
    """The whole numbers of a preset (Python before 3.11 reads no TOML), of one rank's experts."""
    text = (ROOT / "configs/models" / f"{name}.toml").read_text()
    shape = {key: int(value) for key, value in re.findall(r"^(\w+) = (\d+)$", text, re.M)}
    shape["num_experts"] //= ranks
    shape["hidden"] = round(shape["hidden"] * scale)
    return shape


class Layer:
    """y = sum over a token's choices of weight * W_down (silu(W_gate x) * W_up x), and the shared
    expert's."""

    def __init__(self, torch, shape, tokens, device):
        self.torch, self.experts, self.top_k = torch, shape["num_experts"], shape["top_k"]
        hidden, inner = shape["hidden"], shape["expert_intermediate"]
        generator = torch.Generator(device).manual_seed(1)

        def normal(*size, scale=1.0):
            return torch.empty(size, device=device, dtype=torch.bfloat16).normal_(
                std=scale, generator=generator)

        self.x = normal(tokens, hidden)
        self.w_in = normal(self.experts, 2 * inner, hidden, scale=hidden ** -0.5)  # gate over up
        self.w_down = normal(self.experts, hidden, inner, scale=inner ** -0.5)
        shared = shape.get("shared_intermediate", 0) * shape.get("shared_experts", 0)
        self.shared = (normal(2 * shared, hidden, scale=hidden ** -0.5),
                       normal(hidden, shared, scale=shared ** -0.5)) if shared else None
        scores = torch.rand((tokens, self.experts), device=device, generator=generator)
        self.weight, self.chosen = scores.topk(self.top_k, dim=1)
        self.weight = self.weight / self.weight.sum(dim=1, keepdim=True)

    def network(self, x, w_in, w_down):
        gate, up = self.torch.nn.functional.linear(x, w_in).chunk(2, dim=-1)
        return self.torch.nn.functional.linear(self.torch.nn.functional.silu(gate) * up, w_down)

    def start(self):
        return self.network(self.x, *self.shared) if self.shared else self.torch.zeros_like(self.x)

    def loop(self):
        out = self.start()
        for expert in range(self.experts):
            token, choice = self.torch.where(self.chosen == expert)
            rows = self.network(self.x[token], self.w_in[expert], self.w_down[expert])
            out.index_add_(0, token, (rows * self.weight[token, choice, None]).to(out.dtype))
        return out

    def grouped(self):
        torch = self.torch
        order = self.chosen.flatten().argsort(stable=True)
        token = order // self.top_k
        ends = torch.bincount(self.chosen.flatten(), minlength=self.experts).cumsum(0).to(
            torch.int32)
        gate, up = torch._grouped_mm(self.x[token], self.w_in.transpose(1, 2), offs=ends).chunk(
            2, dim=-1)
        rows = torch._grouped_mm(torch.nn.functional.silu(gate) * up,
                                 self.w_down.transpose(1, 2), offs=ends)
        weighted = (rows * self.weight.flatten()[order, None]).to(rows.dtype)
        return self.start().index_add_(0, token, weighted)


def seconds(torch, device, work, calls):
    """Median over calls, each alone, after two that warm up."""
    def finish():
        if device == "cuda":
            torch.cuda.synchronize()

    times = []
    for _ in range(calls + 2):
        finish()
        begin = time.perf_counter()
        work()
        finish()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[2:])


def measure(torch, case, options):
    name, ranks, tokens = CASE.fullmatch(case).groups()
    device, calls = options.device, options.calls
    layer = Layer(torch, preset(name, int(ranks), options.scale), int(tokens), device)
    result = {"preset": name, "ranks": int(ranks), "tokens": int(tokens)}
    expected = layer.loop().float()
    ways = ["loop"] + (["grouped"] if hasattr(torch, "_grouped_mm") else [])
    for way in ways:
        error = ((getattr(layer, way)().float() - expected).norm() / expected.norm()).item()
        if not error < 0.02:  # also of NaN
            sys.exit(f"torch_layer: {way} differs from the loop by {error} on {case}")
        result[way + "_s"] = seconds(torch, device, getattr(layer, way), calls)
    return result


def epsim_step_s(run):
    """Median time of the steps of a run directory; None if there is none."""
    done = subprocess.run([os.environ.get("EPSIM", ROOT / "build/epsim"), "report", "--json", run],
                          capture_output=True, text=True)
    if done.returncode != 0:
        return None
    result = json.loads(done.stdout)["results"][0]
    rate = [row["value"] for row in result["summary"] if row["metric"] == "throughput"]
    return sum(result["step_tokens"]) / len(result["step_tokens"]) / rate[0] if rate else None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", metavar="PRESET/RANKS:TOKENS")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--runs", type=pathlib.Path)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--scale", type=fractions.Fraction, default=1,
                        help="of the hidden width, as 1/8")
    options = parser.parse_args()
    for case in options.cases:
        parts = CASE.fullmatch(case)
        if not parts or not (ROOT / "configs/models" / f"{parts[1]}.toml").is_file():
            sys.exit(f"torch_layer: {case} is no PRESET/RANKS:TOKENS of configs/models")
    try:
        import torch
    except ImportError:
        sys.exit("torch_layer: no PyTorch for this Python. Name another one")
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch_layer: PyTorch sees no GPU")
    results = []
    print(f"torch {torch.__version__}; microseconds a layer, median of {options.calls} calls")
    print(f"{'preset':<18} {'tokens':>6} {'loop':>9} {'grouped':>9} {'epsim':>9}  loop/epsim")
    for case in options.cases:
        with torch.inference_mode():
            result = measure(torch, case, options)
        run = options.runs and options.runs / re.sub("[/:]", "-", case)
        result["epsim_s"] = epsim_step_s(run) if run else None
        results.append(result)
        times = [result.get(key) for key in ("loop_s", "grouped_s", "epsim_s")]
        texts = " ".join(f"{t * 1e6:9.1f}" if t else f"{'-':>9}" for t in times)
        ratio = f"{times[0] / times[2]:10.2f}" if times[2] else f"{'-':>10}"
        print(f"{result['preset']:<18} {result['tokens']:>6} {texts}  {ratio}", flush=True)
    pathlib.Path(options.output).write_text(
        json.dumps({"torch": torch.__version__, "device": options.device, "cases": results}))


if __name__ == "__main__":
    main()
