#!/usr/bin/python3
"""Record a small real routing trace: train a tiny MoE language model, then route held-out text.

Writes an HDF5 trace (schema epsim-trace 1.0.0) with every MoE layer's experts and weights for
whole held-out sequences, and, as root attributes, figures that tell learned routing from chance.
Run by hand, once; the trace is committed. Needs Debian's python3-torch, python3-numpy,
python3-h5py and libopenblas0-pthread (the reference BLAS is 20 times slower), and the packages
whose text it trains on (DOMAINS in tiny_moe.py).

The number of training steps follows from --seconds and the speed of the machine; --steps N, with
the N that a trace names, reproduces that trace on the same packages and number of BLAS threads.
"""

import argparse
import hashlib
import os
import sys
from pathlib import Path

# Before numpy and torch load the library. BLAS and torch at two threads each are four times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

import tiny_moe  # noqa: E402

VERSION = "1.0.0"
VOCABULARY = 1024
STEP_TOKENS = 2048
SHUFFLES = 8
HASH_ORDER = ("layer", "step_offset", "topk_ids", "topk_weights", "source_rank", "token_id",
              "position", "is_decode", "sequence_offset", "physical_to_logical", "expert_counts",
              "source_expert_counts")
FIGURES = """\
Figures of this trace [layer], and of two controls on the same held-out tokens: suffix _untrained
(the whole network at initialisation) and _random_gate (the trained network's hidden vectors
through freshly initialised gates). e = top-1 expert, x = token id, n = counts, N = tokens.
mi_token_expert_bits: plug-in I(x; e) = sum n(x,e)/N log2(N n(x,e) / (n(x) n(e))); biased upwards.
mi_token_expert_bits_shuffled: the same after permuting e over the tokens (mean of 8): the bias.
top1_entropy_bits: H(e), the upper bound of the mutual information.
next_layer_accuracy: sum_i max_j n(e_l = i, e_(l+1) = j) / N, the best guess from this layer's e.
next_layer_majority: max_j n(e_(l+1) = j) / N, the best guess without looking.
load_max_over_mean: assignments (all k) of the busiest expert over the mean, whole trace.
load_max_over_mean_step: the same within a step, mean over steps.
adjacent_top1_reuse: share of neighbouring tokens of a sequence with equal e (no evidence of
learning: an untrained network shows it too); adjacent_top1_chance: sum_i (n(e = i)/N)^2."""


def mutual_information_bits(x, e):
    """Plug-in mutual information of two sequences of non-negative integers.

    I = sum over the pairs seen of n(x,e)/N log2(N n(x,e) / (n(x) n(e))), in bits. Biased upwards,
    by about (cells - rows - columns + 1) / (2 N ln 2) bits where x and e are independent.
    """
    x, e = np.asarray(x, np.int64), np.asarray(e, np.int64)
    pair, n = np.unique(x * (e.max() + 1) + e, return_counts=True)
    nx, ne = np.bincount(x), np.bincount(e)
    px, pe = nx[pair // len(ne)], ne[pair % len(ne)]
    return float(np.sum(n / len(x) * np.log2(n * (len(x) / (px * pe)))))


def shuffled_information_bits(x, e, seed=1):
    """The same estimator where there is nothing to find: e permuted, mean of SHUFFLES times."""
    rng = np.random.default_rng(seed)
    return float(np.mean([mutual_information_bits(x, rng.permutation(e)) for _ in range(SHUFFLES)]))


def entropy_bits(e):
    """Plug-in entropy H = -sum n(e)/N log2(n(e)/N), in bits."""
    p = np.bincount(e) / len(e)
    return float(-np.sum(p[p > 0] * np.log2(p[p > 0])))


def next_layer_accuracy(e, following):
    """sum_i max_j n(e = i, following = j) / N: how often the commonest successor of a token's top-1
    expert is its top-1 expert in the next layer. Chosen and scored on the same tokens."""
    joint = np.zeros((e.max() + 1, following.max() + 1), np.int64)
    np.add.at(joint, (e, following), 1)
    return joint.max(1).sum() / len(e)


def load_max_over_mean(ids, experts):
    """max_e n(e) / mean_e n(e) over all top-k assignments."""
    n = np.bincount(ids.ravel(), minlength=experts)
    return n.max() / n.mean()


def figures(ids, token, step_offset, sequence_offset, experts):
    """Every figure of FIGURES: {name: float64 [L] or [L - 1]}. ids [L, T, k], token [T]."""
    top1 = ids[..., 0].astype(np.int64)
    neighbours = np.ones(len(token) - 1, bool)
    neighbours[sequence_offset[1:-1] - 1] = False
    steps = list(zip(step_offset[:-1], step_offset[1:]))
    share = [np.bincount(e) / len(e) for e in top1]
    values = {
        "mi_token_expert_bits": [mutual_information_bits(token, e) for e in top1],
        "mi_token_expert_bits_shuffled": [shuffled_information_bits(token, e) for e in top1],
        "top1_entropy_bits": [entropy_bits(e) for e in top1],
        "next_layer_accuracy": [next_layer_accuracy(a, b) for a, b in zip(top1, top1[1:])],
        "next_layer_majority": [p.max() for p in share[1:]],
        "load_max_over_mean": [load_max_over_mean(i, experts) for i in ids],
        "load_max_over_mean_step": [
            np.mean([load_max_over_mean(i[a:b], experts) for a, b in steps]) for i in ids],
        "adjacent_top1_reuse": [np.mean((e[1:] == e[:-1])[neighbours]) for e in top1],
        "adjacent_top1_chance": [np.sum(p * p) for p in share],
    }
    return {name: np.array(v, np.float64) for name, v in values.items()}


def cut_sequences(held_out, encode, tokens, rng):
    """Sequences of 64 to CONTEXT tokens that do not overlap, the domains mixed at random.

    held_out: {domain: [text]}. Every domain gives about an equal part of `tokens`.
    """
    chosen = []
    for texts in held_out.values():
        pieces = []
        for text in texts:
            ids, begin = encode(text), 0
            while (n := int(rng.integers(64, tiny_moe.CONTEXT + 1))) <= len(ids) - begin:
                pieces.append(ids[begin:begin + n])
                begin += n
        room = tokens / len(held_out)
        for i in rng.permutation(len(pieces)):
            if room > 0:
                chosen.append(torch.tensor(pieces[i]))
                room -= len(pieces[i])
    return [chosen[i] for i in rng.permutation(len(chosen))]


def step_offsets(sequence_offset):
    """Steps of whole sequences, each ending at the sequence border nearest to STEP_TOKENS."""
    offset = [0]
    while offset[-1] < sequence_offset[-1]:
        border = sequence_offset[sequence_offset > offset[-1]]
        offset.append(int(border[np.argmin(np.abs(border - offset[-1] - STEP_TOKENS))]))
    return np.array(offset, np.int64)


def round_weights(weights):
    """Two weights that add up to exactly 1, the larger a multiple of 2^-11 in [1/2, 1 - 2^-11].

    Both are then exact in fp16, so that they compress. weights [L, T, 2], float32, descending.
    """
    largest = np.clip(np.round(weights[..., 0] * 2048), 1024, 2047) / 2048
    return np.stack([largest, 1 - largest], -1).astype("<f4")


def content_hash(datasets):
    """SHA-256 of the datasets' little-endian bytes, C order, stored type, in HASH_ORDER."""
    digest = hashlib.sha256()
    for name in HASH_ORDER:
        if name in datasets:
            digest.update(np.ascontiguousarray(datasets[name]).tobytes())
    return digest.hexdigest()


def write_trace(path, datasets, long_names, attributes):
    """Write under a temporary name, then rename. Text becomes fixed-length strings."""
    temporary = path.with_suffix(".tmp")
    with h5py.File(temporary, "w") as file:
        for name, data in datasets.items():
            options = {}
            if name.startswith("topk"):
                options["chunks"] = (1, min(data.shape[1], 65536), data.shape[2])
            if len(data) > 1000 or data.ndim > 1:
                options.update(compression="gzip", compression_opts=9, shuffle=True)
            dataset = file.create_dataset(name, data=data, **options)
            dataset.attrs["long_name"] = np.bytes_(long_names[name])
            dataset.attrs["units"] = np.bytes_("1")
        for name, value in attributes.items():
            file.attrs[name] = np.bytes_(value) if isinstance(value, str) else value
    os.replace(temporary, path)


def parse_arguments():
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=345, help="training time (default 345)")
    parser.add_argument("--steps", type=int, help="train exactly so many steps instead")
    parser.add_argument("--tokens", type=int, default=49152,
                        help="held-out tokens to record, about (default 49152)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything (default 0)")
    parser.add_argument("--output", type=Path, default=root / "configs/traces/tiny-moe.h5",
                        help="trace to write (default configs/traces/tiny-moe.h5)")
    return parser.parse_args()


def main():
    args = parse_arguments()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    train_text, held_out, packages = tiny_moe.load_text()
    tokenizer = tiny_moe.Tokenizer([t for texts in train_text.values() for t in texts], VOCABULARY)
    streams = [torch.tensor([i for t in texts for i in tokenizer.encode(t)])
               for texts in train_text.values()]
    sequences = cut_sequences(held_out, tokenizer.encode, args.tokens, rng)
    print("training tokens:", dict(zip(train_text, map(len, streams))), flush=True)

    model = tiny_moe.LanguageModel(VOCABULARY)
    moe = model.blocks[0].moe
    untrained, _, untrained_loss = tiny_moe.record(model, sequences)
    generator = torch.Generator().manual_seed(args.seed)
    steps = tiny_moe.train(model, streams, generator, args.seconds, args.steps)
    ids, weights, loss = tiny_moe.record(model, sequences)
    random_gates = [torch.nn.Linear(gate.in_features, gate.out_features, bias=False)
                    for gate in model.gates()]
    random_gate, _, _ = tiny_moe.record(model, sequences, random_gates)

    lengths = [len(s) for s in sequences]
    sequence_offset = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    datasets = {
        "layer": np.arange(len(ids), dtype="<i4"),
        "step_offset": step_offsets(sequence_offset).astype("<i8"),
        "topk_ids": ids.astype("u1"),
        "topk_weights": round_weights(weights),
        "token_id": torch.cat(sequences).numpy().astype("<i4"),
        "position": np.concatenate([np.arange(n) for n in lengths]).astype("<i4"),
        "sequence_offset": sequence_offset.astype("<i8"),
    }
    long_names = {
        "layer": "layer number in the model",
        "step_offset": "first token of each step, and the number of tokens",
        "topk_ids": "experts of each token, by falling weight [layer, token, k]",
        "topk_weights": "softmax weights, renormalised over the k experts [layer, token, k]",
        "token_id": "vocabulary index of each token",
        "position": "position of each token in its sequence",
        "sequence_offset": "first token of each sequence, and the number of tokens",
    }
    attributes = {
        "schema": "epsim-trace", "schema_version": np.array([1, 0, 0], np.int32),
        "num_experts": np.int32(moe.experts), "top_k": np.int32(moe.top_k),
        "kind": "tokens", "id_space": "logical", "origin": "recorded",
        "producer": f"epsim scripts/record_tiny_moe.py {VERSION}, torch {torch.__version__}, "
                    f"numpy {np.__version__}, h5py {h5py.__version__}",
        "source": f"held-out files of the Debian packages {packages}; domains mixed: "
                  f"{', '.join(held_out)}",
        "model": f"tiny MoE language model: {len(ids)} pre-norm transformer layers, hidden "
                 f"{moe.gate.in_features}, {moe.experts} GELU experts of inner size "
                 f"{moe.up.shape[2]}, top-{moe.top_k} softmax gate, balance loss "
                 f"{tiny_moe.BALANCE}, vocabulary {VOCABULARY}, context {tiny_moe.CONTEXT}; AdamW, "
                 f"{steps} steps of {tiny_moe.BATCH} x {tiny_moe.CONTEXT} tokens, seed {args.seed}",
        "source_count": np.int32(1), "training_steps": np.int64(steps),
        "sha256": content_hash(datasets), "figures": FIGURES,
        "eval_loss_nats": float(loss), "eval_loss_nats_untrained": float(untrained_loss),
    }
    print(f"held-out tokens: {sequence_offset[-1]} in {len(sequences)} sequences, "
          f"{len(datasets['step_offset']) - 1} steps; training steps: {steps}")
    print(f"loss, nats/token: {loss:.3f} trained, {untrained_loss:.3f} untrained")
    print(f"{'':28}{'figure':32}layers 0, 1, ...")
    for suffix, routed in (("", ids), ("_untrained", untrained), ("_random_gate", random_gate)):
        for name, value in figures(routed, datasets["token_id"], datasets["step_offset"],
                                   sequence_offset, moe.experts).items():
            attributes[name + suffix] = value
            print(f"{suffix.strip('_') or 'recorded':28}{name:32}"
                  + " ".join(f"{v:6.3f}" for v in value))
    write_trace(args.output, datasets, long_names, attributes)
    print(f"{args.output.name}: {args.output.stat().st_size} bytes, sha256 {attributes['sha256']}")


if __name__ == "__main__":
    try:
        main()
    except tiny_moe.MissingText as error:
        sys.exit(f"record_tiny_moe.py: {error}")
