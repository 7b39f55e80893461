#!/usr/bin/env python3
"""Record which experts a Hugging Face transformers MoE model chooses, by forward hooks.

    record_hf.py --model mistralai/Mixtral-8x7B-v0.1 --text book.txt -o mixtral
    epsim trace import --format npy mixtral/ids.npy ...     (the command is printed at the end)

Every module named `gate` or `router` beside or above experts is hooked. What it returns says who was
chosen: expert ids and weights (DeepSeek-V2/V3, GLM, gpt-oss), scores that are zero but for those
(Llama-4), or logits (Mixtral, Qwen, OLMoE, Phi, Jamba ...), from which softmax and top-k follow,
renormalised where the model's configuration says so. Where the experts are modules of their own, the
rows that each of them got are counted too: if they are not those of the choice, the recording fails
instead of being wrong.

Writes into the directory that -o names:
    ids.npy     [layers, tokens, k], uint8 or uint16
    weights.npy [layers, tokens, k], float32
    seqlen.npy  [sequences], int32: each sequence's tokens, in order; prefill, without padding
    logits_<layer>.npy [tokens, experts], float32, with --logits: for routing.logits
Needs torch and transformers (pip install torch transformers). Models and tokenizers are read as they
are: no code that comes with them is run.
"""

import argparse
import os
import re
import shlex
import sys
from pathlib import Path

import numpy as np

try:
    import torch
    import transformers
except ImportError as error:
    sys.exit(f"record_hf.py: {error} (it runs a transformers model). Use a Python with both: "
             "python3 -m venv .venv && .venv/bin/pip install torch transformers")

EXPERT_COUNTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
TOP_KS = ("num_experts_per_tok", "num_experts_per_token", "moe_k", "moe_top_k", "moe_topk")


class Failure(Exception):
    """What the user can correct: "problem (reason). What to do"."""


def first_of(configuration, names, what):
    """The first of an option's names that the configuration has."""
    for name in names:
        value = getattr(configuration, name, None)
        if isinstance(value, int):
            return value
    raise Failure(f"the model's configuration does not say {what} (no {', '.join(names)}). "
                  "Record a mixture-of-experts model")


def text_configuration(model):
    return model.config.get_text_config()


class Router:
    """One layer's router: its hooks, and what they saw. ids and weights [tokens, k] a call."""

    def __init__(self, name, module, experts, count, top_k, renormalise):
        self.name, self.count, self.top_k, self.renormalise = name, count, top_k, renormalise
        numbers = re.findall(r"\.(\d+)\.", name)
        if not numbers:
            raise Failure(f"the router {name} has no layer number (its path holds none)")
        self.layer = int(numbers[0])
        self.ids, self.weights, self.logits = [], [], []
        self.rows = np.zeros(count, np.int64) if experts is not None else None
        module.register_forward_hook(self.see)
        for e, expert in enumerate(experts or ()):
            expert.register_forward_hook(lambda _, rows, __, e=e: self.see_expert(e, rows[0]))

    def see_expert(self, expert, rows):
        self.rows[expert] += rows.numel() // rows.shape[-1]

    def see(self, _, __, output):
        found = output if isinstance(output, (tuple, list)) else (output,)
        found = [t.detach().reshape(-1, t.shape[-1]) for t in found if torch.is_tensor(t) and t.dim()]
        ids = [t for t in found if not t.is_floating_point()]
        chosen = [t for t in found if t.is_floating_point() and t.shape[1] == self.top_k]
        by_expert = [t.float() for t in found if t.is_floating_point() and t.shape[1] == self.count]
        if ids and ids[0].shape[1] == self.top_k:
            ids = ids[0].long()
            if chosen and self.top_k != self.count:
                weights = chosen[0].float()
            elif by_expert:
                weights = by_expert[0].gather(1, ids)
            else:
                raise Failure(f"{self.name} returns no weights of the experts that it chooses")
        elif by_expert and (by_expert[0] != 0).sum(1).eq(self.top_k).all() and len(by_expert) > 1:
            weights, ids = by_expert[0].topk(self.top_k)
        elif by_expert:
            weights, ids = by_expert[0].softmax(1).topk(self.top_k)
            if self.renormalise:
                weights = weights / weights.sum(1, keepdim=True)
            self.logits.append(by_expert[0].cpu().numpy())
        else:
            raise Failure(f"{self.name} returns neither expert ids nor a value for each of "
                          f"{self.count} experts (it is of a kind that is not known)")
        self.ids.append(ids.cpu().numpy())
        self.weights.append(weights.float().cpu().numpy())

    def check(self):
        """The rows that experts got are those of the choice."""
        if self.rows is None:
            return
        chosen = np.bincount(np.concatenate(self.ids).ravel(), minlength=self.count)
        if not np.array_equal(chosen, self.rows):
            e = int(np.flatnonzero(chosen != self.rows)[0])
            raise Failure(
                f"expert {e} of {self.name} got {self.rows[e]} rows where its router's output means "
                f"{chosen[e]} (the model chooses by more than that, as a bias). It cannot be recorded")


def find_routers(model, renormalise):
    """Every layer's Router, in order."""
    configuration = text_configuration(model)
    count = first_of(configuration, EXPERT_COUNTS, "how many experts there are")
    top_k = first_of(configuration, TOP_KS, "how many of them a token uses")
    modules = dict(model.named_modules())
    routers = []
    for name, module in modules.items():
        parent = modules.get(name.rpartition(".")[0])
        if name.rpartition(".")[2] not in ("gate", "router") or not hasattr(parent, "experts"):
            continue
        experts = parent.experts
        if not isinstance(experts, torch.nn.ModuleList):
            experts = None  # all in one module: who got what cannot be seen
        elif len(experts) != count:
            raise Failure(f"{name} has {len(experts)} experts where the configuration says {count}")
        if renormalise is None:
            of_layer = getattr(parent, "norm_topk_prob", None)
            by_default = getattr(configuration, "norm_topk_prob", True) if of_layer is None else of_layer
        else:
            by_default = renormalise
        routers.append(Router(name, module, experts, count, top_k, by_default))
    if not routers:
        raise Failure("the model has no router (no module `gate` or `router` beside `experts`). "
                      "Record a mixture-of-experts model")
    layers = [router.layer for router in routers]
    if len(set(layers)) != len(layers):
        raise Failure("two routers are of one layer (an encoder and a decoder?). Record a "
                      "decoder-only model")
    return sorted(routers, key=lambda router: router.layer)


def token_sequences(arguments, tokenizer):
    """The token ids of each sequence, not empty, at most max_tokens."""
    limit = arguments.max_tokens
    if arguments.prompts:
        texts = [line for line in arguments.prompts.read_text().splitlines() if line.strip()]
        sequences = [tokenizer(text)["input_ids"][:limit] for text in texts]
    else:
        ids = tokenizer(arguments.text.read_text())["input_ids"]
        sequences = [ids[i:i + limit] for i in range(0, len(ids), limit)]
    sequences = [s for s in sequences if s][:arguments.max_sequences]
    if not sequences:
        raise Failure("there are no tokens (the text is empty). Give another")
    return sequences


def write(arguments, routers, sequences):
    out = arguments.output
    ids = np.stack([np.concatenate(r.ids) for r in routers])
    tokens, count = sum(map(len, sequences)), routers[0].count
    if ids.shape[1] != tokens:
        raise Failure(f"routers saw {ids.shape[1]} tokens of {tokens} (the model skips some, or runs "
                      "layers twice). It cannot be recorded")
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "ids.npy", ids.astype(np.uint8 if count <= 256 else np.uint16))
    np.save(out / "weights.npy",
            np.stack([np.concatenate(r.weights) for r in routers]).astype("<f4"))
    np.save(out / "seqlen.npy", np.array(list(map(len, sequences)), "<i4"))
    if arguments.logits:
        for r in routers:
            if not r.logits:
                raise Failure(f"{r.name} returns no logits. Leave --logits out")
            np.save(out / f"logits_{r.layer}.npy", np.concatenate(r.logits))
    command = ["epsim", "trace", "import", "--format", "npy", out / "ids.npy",
               "--weights", out / "weights.npy", "--seqlen", out / "seqlen.npy",
               "--num-experts", count, "--layers", ",".join(str(r.layer) for r in routers),
               "--model", Path(arguments.model).name, "--source",
               (arguments.prompts or arguments.text).name, "-o", f"{out}.h5"]
    print(f"{tokens} tokens in {len(sequences)} sequences, {len(routers)} layers, {count} experts, "
          f"top-{ids.shape[2]}. Now:")
    print(shlex.join(map(str, command)))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a directory, or a name of the hub")
    text = parser.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", type=Path, help="a text, cut into sequences of --max-tokens")
    text.add_argument("--prompts", type=Path, help="a sequence a line, cut off at --max-tokens")
    parser.add_argument("--max-tokens", type=int, default=2048, help="of a sequence (2048)")
    parser.add_argument("--max-sequences", type=int, help="all if not given")
    parser.add_argument("--renormalise", choices=("yes", "no"),
                        help="whether the k weights are made to sum to 1, of routers that return "
                             "logits (as the model's configuration says; yes if it does not)")
    parser.add_argument("--logits", action="store_true", help="write the routers' logits too")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (cpu)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory to write")
    arguments = parser.parse_args()
    for name in ("max_tokens", "max_sequences"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} = {value} (at least 1)")
    return arguments


def main():
    arguments = parse_arguments()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            arguments.model, torch_dtype="auto").to(arguments.device).eval()
    except (OSError, ValueError) as error:
        raise Failure(f"cannot load {arguments.model} ({error}). Correct --model") from error
    sequences = token_sequences(arguments, tokenizer)
    renormalise = {"yes": True, "no": False, None: None}[arguments.renormalise]
    routers = find_routers(model, renormalise)
    with torch.inference_mode():
        for sequence in sequences:
            model(input_ids=torch.tensor([sequence], device=arguments.device), use_cache=False)
    for router in routers:
        router.check()
    write(arguments, routers, sequences)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        main()
    except (Failure, OSError) as failure:
        sys.exit(f"record_hf.py: {failure}")
